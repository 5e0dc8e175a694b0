from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from lairchat.core.ids import uuid7
from rooms.models.rooms import Room
from rooms.roles import RoomRole


def in_a_week() -> datetime:
    return timezone.now() + timedelta(days=7)


class Invitation(models.Model):
    """A person asked into a room by another. It leaves `pending` once only."""

    class Status(models.TextChoices):
        PENDING = "pending", "pending"
        ACCEPTED = "accepted", "accepted"
        DECLINED = "declined", "declined"
        CANCELLED = "cancelled", "cancelled"
        EXPIRED = "expired", "expired"

    MESSAGE_MAX = 500
    ANSWER_FIELDS = ("status", "responded_at", "rev")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    room = models.ForeignKey(Room, on_delete=models.CASCADE, related_name="invitations")
    inviter = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    invitee = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="invitations")
    role = models.CharField(max_length=10, default=RoomRole.MEMBER)
    message = models.CharField(max_length=MESSAGE_MAX, blank=True)

    status = models.CharField(max_length=10, choices=Status.choices, default=Status.PENDING)
    rev = models.BigIntegerField(default=0, help_text="The invitee's stream's seq of its last entry.")
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(default=in_a_week)
    responded_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["room", "invitee"], condition=Q(status="pending"), name="invitation_pending_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.invitee_id} into {self.room_id}"

    @property
    def is_answered(self) -> bool:
        return self.status != self.Status.PENDING

    def is_expired(self, now: datetime | None = None) -> bool:
        return self.expires_at <= (now or timezone.now())

    def mark_answered(self, status: "Invitation.Status", *, rev: int) -> None:
        """Leave `pending`; the caller stores ANSWER_FIELDS."""
        self.status = status
        self.responded_at = timezone.now()
        self.rev = rev
