from django.db import models
from django.utils import timezone


class SubmittedForm(models.Model):
    """A form of the desk that was sent, under the key it carried: sent twice, it is done once. Kept for a day."""

    key = models.UUIDField(primary_key=True)
    user_id = models.UUIDField(help_text="Who sent it; only they see the outcome.")
    title = models.CharField(max_length=200)
    back = models.CharField(max_length=500, help_text="The page to go back to.")
    outcome = models.JSONField(null=True, help_text="None while it is being done.")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [models.Index(fields=["at"], name="form_by_age")]  # taken away after a day

    def __str__(self) -> str:
        return self.title
