from datetime import datetime

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.utils.timezone import now as current_time

from accounts.roles import PERMISSIONS, Permission, SiteRole
from lairchat.core.ids import uuid7
from lairchat.core.text import fold


class UserManager(BaseUserManager["User"]):
    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(username_folded=fold(username or ""))


class User(AbstractBaseUser):
    """A person's account. Rights follow from `role`; there are no groups and there is no superuser flag."""

    USERNAME_MIN_BYTES = 3
    USERNAME_MAX_BYTES = 32
    EMAIL_MAX_BYTES = 254
    DISPLAY_NAME_MAX = 64
    BIO_MAX = 500

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    username = models.CharField(max_length=32)
    username_folded = models.CharField(max_length=64, unique=True, help_text="The form in which names are compared.")
    email = models.CharField(max_length=254, unique=True, help_text="Lower case.")

    display_name = models.CharField(max_length=DISPLAY_NAME_MAX, blank=True)
    bio = models.CharField(max_length=BIO_MAX, blank=True)
    timezone = models.CharField(max_length=64, default="UTC")
    language = models.CharField(max_length=16, default="en")

    role = models.CharField(
        max_length=16, choices=[(role.value, role.value) for role in SiteRole], default=SiteRole.USER
    )
    is_active = models.BooleanField(default=True, help_text="A deactivated account has no rights; its name stays.")
    # The strictest sanction in force of each kind, copied from Sanction so that each request reads one row.
    muted_until = models.DateTimeField(null=True, blank=True)
    suspended_until = models.DateTimeField(null=True, blank=True)
    banned_at = models.DateTimeField(null=True, blank=True)

    created_at = models.DateTimeField(default=current_time, editable=False)
    updated_at = models.DateTimeField(default=current_time)
    last_seen_at = models.DateTimeField(null=True, blank=True)
    last_login = None

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = ["email"]
    objects = UserManager()

    class Meta:
        verbose_name = "person"
        verbose_name_plural = "people"
        ordering = ["username_folded"]
        indexes = [
            models.Index(fields=["role"], name="user_by_role"),
            models.Index(fields=["-created_at"], name="user_by_age"),
        ]

    def __str__(self) -> str:
        return self.username

    @property
    def site_role(self) -> SiteRole:
        return SiteRole(self.role)

    @property
    def shown_name(self) -> str:
        return self.display_name or self.username

    @property
    def is_staff(self) -> bool:
        """May open /admin: a moderator or an admin whose account is in force."""
        return self.allows(Permission.DESK_VIEW)

    def allows(self, permission: Permission) -> bool:
        return self.is_usable() and permission in PERMISSIONS[self.site_role]

    def is_usable(self, now: datetime | None = None) -> bool:
        """False while deactivated, banned or suspended."""
        return self.is_active and self.banned_at is None and not self.is_suspended(now)

    def is_suspended(self, now: datetime | None = None) -> bool:
        return self.suspended_until is not None and self.suspended_until > (now or current_time())

    def is_muted(self, now: datetime | None = None) -> bool:
        return self.muted_until is not None and self.muted_until > (now or current_time())

    def has_perm(self, perm: str, obj: object = None) -> bool:
        """Answers Django's admin from our table: the desk shows what staff may see; changes are actions' business."""
        return self.allows(Permission.DESK_VIEW)

    def has_module_perms(self, app_label: str) -> bool:
        return self.allows(Permission.DESK_VIEW)
