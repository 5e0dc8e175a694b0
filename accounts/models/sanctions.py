from datetime import datetime

from django.conf import settings
from django.db import models
from django.utils import timezone

from lairchat.core.ids import uuid7


class SanctionShape(models.Model):
    """What a sanction on the site and one in a room have in common. Lifted, never deleted."""

    REASON_MIN = 3
    REASON_MAX = 500

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    reason = models.CharField(max_length=REASON_MAX, help_text="The person reads this.")
    case_number = models.PositiveBigIntegerField(null=True, blank=True)
    starts_at = models.DateTimeField(default=timezone.now)
    ends_at = models.DateTimeField(null=True, blank=True)
    lifted_at = models.DateTimeField(null=True, blank=True)
    lifted_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")

    class Meta:
        abstract = True

    def is_in_force(self, now: datetime | None = None) -> bool:
        now = now or timezone.now()
        return self.lifted_at is None and (self.ends_at is None or self.ends_at > now)


class Sanction(SanctionShape):
    """What staff did to an account on the whole site."""

    class Kind(models.TextChoices):
        WARN = "warn", "warned"
        MUTE = "mute", "muted"
        SUSPEND = "suspend", "suspended"
        BAN = "ban", "banned"

    kind = models.CharField(max_length=8, choices=Kind.choices)

    class Meta:
        verbose_name = "sanction"
        indexes = [
            models.Index(fields=["user", "-starts_at"], name="sanction_by_user"),
            models.Index(fields=["-starts_at"], name="sanction_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.user_id}"
