from django.db import models


class Lease(models.Model):
    """Which one process of all does a thing. The holder raises `term` while it lives; no clock is compared (F7)."""

    name = models.CharField(primary_key=True, max_length=32)
    holder = models.UUIDField(null=True, help_text="None: given back.")
    term = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.name}, term {self.term}"


class ChoreRun(models.Model):
    """When a piece of upkeep was last done, so that whoever takes it over does not begin again."""

    name = models.CharField(primary_key=True, max_length=48)
    done_at = models.DateTimeField()
    rows = models.BigIntegerField(default=0, help_text="Changed or taken away in that run.")

    def __str__(self) -> str:
        return f"{self.name} at {self.done_at}"
