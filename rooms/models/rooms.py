from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from lairchat.core.ids import uuid7
from lairchat.core.log import room_stream


class Room(models.Model):
    """Where people meet: a channel, a direct conversation of two or more, or a system room."""

    class Kind(models.TextChoices):
        CHANNEL = "channel", "channel"
        DIRECT = "direct", "direct conversation"
        SYSTEM = "system", "system room"

    class Privacy(models.TextChoices):
        PUBLIC = "public", "public"
        PROTECTED = "protected", "protected"
        PRIVATE = "private", "private"

    class Mode(models.TextChoices):
        OPEN = "open", "open"
        READ_ONLY = "read_only", "read only"

    NAME_MAX_BYTES = 64
    TOPIC_MAX = 250
    DESCRIPTION_MAX = 1000
    MEMBERS_MAX = 100_000
    DIRECT_MAX = 10

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    kind = models.CharField(max_length=8, choices=Kind.choices, default=Kind.CHANNEL)
    privacy = models.CharField(max_length=10, choices=Privacy.choices, default=Privacy.PUBLIC)
    # The sorted ids of a direct conversation's people, hashed: the same people always find the same room.
    direct_key = models.CharField(max_length=64, unique=True, null=True, blank=True)

    name = models.CharField(max_length=64, blank=True)
    name_folded = models.CharField(max_length=128, blank=True)
    topic = models.CharField(max_length=TOPIC_MAX, blank=True)
    description = models.CharField(max_length=DESCRIPTION_MAX, blank=True)

    is_default = models.BooleanField(default=False, help_text="Whoever registers is a member from the start.")
    mode = models.CharField(max_length=10, choices=Mode.choices, default=Mode.OPEN)
    max_members = models.PositiveIntegerField(null=True, blank=True)
    rev = models.BigIntegerField(default=0, help_text="The seq of the last entry that changed the room itself.")
    # Who joins after a private room was opened is shown nothing from before (rights, note 14).
    opened_seq = models.BigIntegerField(default=0, help_text="The seq of the entry that last made it listed.")
    archived_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True, help_text="A temporary room ends then.")
    deleted_at = models.DateTimeField(null=True, blank=True)

    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["name_folded"]
        constraints = [
            # Private names are free, so that no refusal tells of one (rights, rule i).
            models.UniqueConstraint(
                fields=["name_folded"],
                condition=Q(privacy__in=["public", "protected"], kind="channel", deleted_at=None),
                name="room_name_once_where_listed",
            ),
        ]
        indexes = [models.Index(fields=["-created_at"], name="room_by_age")]

    def __str__(self) -> str:
        return self.name or f"{self.kind} {self.id}"

    @property
    def stream(self) -> str:
        return room_stream(self.id)

    @property
    def is_direct(self) -> bool:
        return self.kind == self.Kind.DIRECT

    @property
    def is_hidden(self) -> bool:
        """Nobody outside may know of it."""
        return self.is_direct or self.privacy == self.Privacy.PRIVATE

    def is_closed(self, now: datetime | None = None) -> bool:
        """True once archived, or ended if temporary: readable, but nothing more is written."""
        return self.archived_at is not None or (
            self.expires_at is not None and self.expires_at <= (now or timezone.now())
        )
