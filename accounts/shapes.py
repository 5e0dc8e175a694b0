"""The forms of accounts on the wire."""

from datetime import datetime
from uuid import UUID

from msgspec import Struct

from accounts.models import User


class UserOutput(Struct):
    """A person as everybody may see them; `email` is always empty (protocol-v1.md, section 3)."""

    id: UUID
    username: str
    display_name: str
    email: str
    role: str
    bio: str
    timezone: str
    language: str
    is_active: bool
    created_at: datetime
    updated_at: datetime
    last_seen_at: datetime | None

    @classmethod
    def of(cls, user: User) -> "UserOutput":
        return cls(
            id=user.id,
            username=user.username,
            display_name=user.display_name,
            email="",
            role=user.role,
            bio=user.bio,
            timezone=user.timezone,
            language=user.language,
            is_active=user.is_active,
            created_at=user.created_at,
            updated_at=user.updated_at,
            last_seen_at=user.last_seen_at,
        )

    @classmethod
    def own(cls, user: User) -> "UserOutput":
        """The same for the person themselves, with their address."""
        output = cls.of(user)
        output.email = user.email
        return output
