from django.db import models
from django.utils import timezone

from lairchat.core.ids import uuid7


class Process(models.Model):
    """A running server: its heartbeat, and the ids of the accounts connected to it."""

    id = models.UUIDField(primary_key=True, default=uuid7)
    role = models.CharField(max_length=16)
    host = models.CharField(max_length=255)
    pid = models.PositiveIntegerField()
    version = models.CharField(max_length=32)
    online = models.JSONField(default=list)
    sockets = models.PositiveIntegerField(default=0)
    started_at = models.DateTimeField(default=timezone.now)
    beat_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        verbose_name_plural = "processes"

    def __str__(self) -> str:
        return f"{self.role} {self.host}:{self.pid}"
