from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from lairchat.core.ids import uuid7
from rooms.models import Room

UNREAD = Q(deleted_at=None, kind="text")


class MessageQuerySet(models.QuerySet["Message"]):
    def visible_to(self, user: object) -> "MessageQuerySet":
        """Messages of rooms the user is in. Deleted ones stay, as tombstones."""
        return self.filter(room__memberships__user=user, room__deleted_at=None)


class Message(models.Model):
    """Something said in a room, at the position it was born with."""

    class Kind(models.TextChoices):
        TEXT = "text", "text"
        SYSTEM = "system", "system"

    MAX_BYTES = 4096  # of UTF-8; text is stored as written, never trimmed
    NONCE_MAX = 64

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    # No index of their own for keys that an index below begins with: each costs 40 to 50 bytes a message.
    room = models.ForeignKey(Room, on_delete=models.CASCADE, related_name="messages", db_index=False)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="messages", db_index=False
    )
    seq = models.BigIntegerField()
    rev = models.BigIntegerField(help_text="The seq of the last entry that changed it, reactions included.")
    kind = models.CharField(max_length=8, choices=Kind.choices, default=Kind.TEXT)
    nonce = models.CharField(max_length=NONCE_MAX)
    digest = models.CharField(max_length=32, help_text="Of what was first sent: tells a repeat from another message.")

    content = models.TextField(blank=True)
    reply_to = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, blank=True, related_name="replies")

    created_at = models.DateTimeField(default=timezone.now)
    edited_at = models.DateTimeField(null=True, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)
    deleted_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")

    objects = MessageQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["room", "seq"], name="message_seq_once_per_room"),
            models.UniqueConstraint(fields=["author", "room", "nonce"], name="message_nonce_once_per_author_and_room"),
        ]
        indexes = [
            models.Index(fields=["author", "-created_at"], name="message_by_author"),  # the desk, erasure
            models.Index(fields=["-created_at"], name="message_by_age"),  # the desk's newest first
            models.Index(fields=["room", "seq"], condition=UNREAD, name="message_unread"),  # the capped count
        ]

    def __str__(self) -> str:
        return f"{self.room_id} {self.seq}"


class Revision(models.Model):
    """What a message said before an edit."""

    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="revisions")
    content = models.TextField()
    edited_at = models.DateTimeField(default=timezone.now, help_text="When it was replaced.")

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"revision of {self.message_id}"


class Mention(models.Model):
    """Somebody named in a message; room and seq are repeated so that the capped count reads one index."""

    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="mention_rows", db_index=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False)
    room = models.ForeignKey(Room, on_delete=models.CASCADE, related_name="+")
    seq = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["message", "user"], name="mention_once_per_person")]
        indexes = [models.Index(fields=["user", "room", "seq"], name="mention_unread")]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.message_id}"
