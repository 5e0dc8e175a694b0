from django.conf import settings
from django.db import models
from django.utils import timezone

from chat.models.messages import Message


class Reaction(models.Model):
    """One emoji by one person on one message."""

    EMOJI_MAX = 32
    KINDS_MAX = 20  # different emoji on one message

    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="reaction_rows", db_index=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    emoji = models.CharField(max_length=EMOJI_MAX)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["message", "user", "emoji"], name="reaction_once_per_person")]

    def __str__(self) -> str:
        return f"{self.emoji} by {self.user_id}"
