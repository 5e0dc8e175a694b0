from django.db import models


class LimitWindow(models.Model):
    """Counted uses of one limit by one key in one window, shared by the processes of a server without Redis."""

    key = models.CharField(primary_key=True, max_length=200)
    hits = models.PositiveIntegerField()
    ends_at = models.FloatField(db_index=True, help_text="Unix seconds.")

    def __str__(self) -> str:
        return f"{self.key}: {self.hits}"
