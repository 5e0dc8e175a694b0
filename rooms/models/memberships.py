from datetime import datetime

from django.conf import settings
from django.db import models
from django.utils import timezone

from rooms.models.rooms import Room
from rooms.roles import PERMISSIONS, RoomPermission, RoomRole


class Membership(models.Model):
    """One person in one room. It ends with its row; the log keeps that it was (D5)."""

    class Level(models.TextChoices):
        ALL = "all", "every message"
        MENTIONS = "mentions", "mentions"
        NOTHING = "nothing", "nothing"

    room = models.ForeignKey(Room, on_delete=models.CASCADE, related_name="memberships", db_index=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships", db_index=False
    )
    role = models.CharField(
        max_length=10, choices=[(role.value, role.value) for role in RoomRole], default=RoomRole.MEMBER
    )

    joined_seq = models.BigIntegerField(help_text="The seq of the entry that made it: unread counts begin here.")
    rev = models.BigIntegerField(help_text="The seq of its last entry, so that a return is newer than the leave.")
    muted_until = models.DateTimeField(null=True, blank=True)
    notifications = models.CharField(max_length=10, choices=Level.choices, default=Level.ALL)
    favourite = models.BooleanField(default=False)
    settings_rev = models.BigIntegerField(
        default=0, help_text="The user's stream's seq of the last change of the two above."
    )
    joined_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["room", "user"], name="member_once_per_room")]
        indexes = [models.Index(fields=["user"], name="membership_by_user")]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.room_id}"

    @property
    def room_role(self) -> RoomRole:
        return RoomRole(self.role)

    def allows(self, permission: RoomPermission) -> bool:
        return permission in PERMISSIONS[self.room_role]

    def is_muted(self, now: datetime | None = None) -> bool:
        return self.muted_until is not None and self.muted_until > (now or timezone.now())
