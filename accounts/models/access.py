from django.db import models
from django.utils import timezone


class LoginAttempt(models.Model):
    """One try to sign in, good or bad: what guessing is measured by (S6)."""

    identifier = models.CharField(max_length=254, help_text="Folded, as typed; the account may not exist.")
    address = models.CharField(max_length=64)
    succeeded = models.BooleanField()
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = "sign-in attempt"
        indexes = [models.Index(fields=["identifier", "at"], name="attempt_by_identifier")]

    def __str__(self) -> str:
        return f"{self.identifier} from {self.address}"
