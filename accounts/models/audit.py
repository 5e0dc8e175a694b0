from django.db import models
from django.utils import timezone


class AuditEntry(models.Model):
    """One act of staff, sign-in or refusal. `hash` = SHA-256(prev + canonical JSON); seq has no gaps (S16).

    Names, addresses and reasons stand in AuditDetail, of which the chain holds the salted hash: they can be erased.
    """

    seq = models.BigIntegerField(primary_key=True)
    at = models.DateTimeField(default=timezone.now)
    actor_id = models.UUIDField(null=True, help_text="None: the system.")
    via = models.CharField(max_length=8)
    session_id = models.UUIDField(null=True)
    action = models.CharField(max_length=48, help_text="noun.verb")
    outcome = models.CharField(max_length=40, default="done", help_text="done, or the code of the refusal.")
    target_type = models.CharField(max_length=24, blank=True)
    target_id = models.CharField(max_length=64, blank=True)
    room_id = models.UUIDField(null=True)
    old = models.JSONField(null=True)
    new = models.JSONField(null=True)
    request_id = models.CharField(max_length=64, blank=True)
    detail_hash = models.CharField(max_length=64)
    prev = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    class Meta:
        verbose_name = "log entry"
        verbose_name_plural = "staff log"
        ordering = ["-seq"]
        indexes = [
            models.Index(fields=["actor_id", "-seq"], name="audit_by_actor"),
            models.Index(fields=["target_id", "-seq"], name="audit_by_target"),
            models.Index(fields=["action", "-seq"], name="audit_by_action"),
        ]

    def __str__(self) -> str:
        return f"{self.seq} {self.action}"


class AuditDetail(models.Model):
    """The personal half of a log entry. Deleting it leaves the chain whole."""

    entry = models.OneToOneField(AuditEntry, primary_key=True, on_delete=models.CASCADE, related_name="detail")
    salt = models.CharField(max_length=32)
    actor_name = models.CharField(max_length=64, blank=True)
    actor_role = models.CharField(max_length=16, blank=True)
    address = models.CharField(max_length=64, blank=True)
    target_label = models.CharField(max_length=200, blank=True)
    reason = models.CharField(max_length=500, blank=True)

    def __str__(self) -> str:
        return f"detail of {self.entry_id}"


class AuditHead(models.Model):
    """The chain's head at a moment, signed with a key outside the database."""

    seq = models.BigIntegerField(primary_key=True)
    hash = models.CharField(max_length=64)
    signature = models.CharField(max_length=64)
    at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"head {self.seq}"
