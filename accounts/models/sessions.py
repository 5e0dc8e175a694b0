from datetime import datetime
from typing import ClassVar

from django.conf import settings
from django.contrib.sessions.base_session import AbstractBaseSession, BaseSessionManager
from django.db import models
from django.utils import timezone

from lairchat.core.ids import uuid7


class UserSession(AbstractBaseSession):
    """One sign-in on one device. Cookies, tokens and sockets all stand on such a row, and fall with it (S1)."""

    class Kind(models.TextChoices):
        WEB = "web", "browser"
        API = "api", "program"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    session_key = models.CharField(  # type: ignore[assignment]  # a program's session has none
        max_length=64, unique=True, null=True, help_text="SHA-256 of the cookie's value."
    )
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="sessions")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    device = models.CharField(max_length=200, blank=True)
    address = models.GenericIPAddressField(null=True, blank=True)
    refresh_jti = models.CharField(max_length=36, blank=True, help_text="The one refresh token that is still good.")

    created_at = models.DateTimeField(default=timezone.now)
    last_seen_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True)
    end_reason = models.CharField(max_length=32, blank=True)

    objects: ClassVar[BaseSessionManager] = BaseSessionManager()

    class Meta:
        verbose_name = "session"
        verbose_name_plural = "sessions"
        indexes = [
            models.Index(fields=["user", "ended_at"], name="session_by_user"),
            models.Index(fields=["expire_date"], name="session_by_expiry"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} {self.kind} {self.device}"

    @classmethod
    def get_session_store_class(cls) -> type:
        from accounts.sessions import SessionStore

        return SessionStore

    def is_live(self, now: datetime | None = None) -> bool:
        return self.ended_at is None and self.expire_date > (now or timezone.now())
