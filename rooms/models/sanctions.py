from django.db import models

from accounts.models import SanctionShape
from rooms.models.rooms import Room


class RoomSanction(SanctionShape):
    """What a room's moderators, or staff, did to a person in one room. A kick is a row that has ended."""

    class Kind(models.TextChoices):
        WARN = "warn", "warned"
        MUTE = "mute", "muted"
        KICK = "kick", "kicked"
        BAN = "ban", "banned"

    room = models.ForeignKey(Room, on_delete=models.CASCADE, related_name="sanctions")
    kind = models.CharField(max_length=8, choices=Kind.choices)

    class Meta:
        verbose_name = "room sanction"
        indexes = [models.Index(fields=["room", "user", "kind"], name="room_sanction_by_person")]

    def __str__(self) -> str:
        return f"{self.kind} {self.user_id} in {self.room_id}"
