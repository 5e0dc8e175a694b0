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


class SetupCode(models.Model):
    """The one-time code of the page that makes the first administrator; there is at most one row (S18)."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    hash = models.CharField(max_length=64, help_text="SHA-256 of the code.")
    made_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"set-up code of {self.made_at}"
