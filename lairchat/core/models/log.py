from django.db import models
from django.utils import timezone


class Stream(models.Model):
    """One order of changes: `room:<uuid>`, `user:<uuid>` or `site`. Its row is the lock of that order."""

    name = models.CharField(primary_key=True, max_length=48)
    head = models.BigIntegerField(default=0, help_text="Highest seq taken.")
    floor = models.BigIntegerField(default=1, help_text="Lowest seq that can still be replayed.")

    def __str__(self) -> str:
        return self.name


class StreamEntry(models.Model):
    """One change at one position. `refs` holds ids and codes, never content (D5)."""

    stream = models.ForeignKey(Stream, on_delete=models.CASCADE, related_name="entries", db_index=False)
    seq = models.BigIntegerField()
    type = models.CharField(max_length=40)
    refs = models.JSONField()
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["stream", "seq"], name="entry_once_per_position")]

    def __str__(self) -> str:
        return f"{self.stream_id} {self.seq} {self.type}"


class Epoch(models.Model):
    """The one random name of this database's history; a restored backup gets a new one (F11)."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    value = models.CharField(max_length=36)

    def __str__(self) -> str:
        return self.value
