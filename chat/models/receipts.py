from django.conf import settings
from django.db import models
from django.utils import timezone

from rooms.models import Room


class ReadReceipt(models.Model):
    """How far one person has read one room: the one fact that unread counts stand on (D12)."""

    room = models.ForeignKey(Room, on_delete=models.CASCADE, related_name="receipts", db_index=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="receipts")
    seq = models.BigIntegerField()
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["room", "user"], name="receipt_once_per_person")]

    def __str__(self) -> str:
        return f"{self.user_id} read {self.room_id} to {self.seq}"
