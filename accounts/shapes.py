"""The forms of accounts on the wire."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from msgspec import Struct

from accounts.models import SanctionShape, User, UserSession


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


class SanctionOutput(Struct):
    """A sanction as its person and staff see it; `scope` is `site` or `room`."""

    id: UUID
    user_id: UUID
    kind: str
    scope: str
    room_id: UUID | None
    reason: str
    starts_at: datetime
    ends_at: datetime | None
    lifted_at: datetime | None

    @classmethod
    def of(cls, sanction: SanctionShape, *, room_id: UUID | None = None) -> "SanctionOutput":
        """`room_id` for one in a room; on the site it is None."""
        return cls(
            id=sanction.id,
            user_id=sanction.user_id,
            kind=sanction.kind,  # type: ignore[attr-defined]
            scope="site" if room_id is None else "room",
            room_id=room_id,
            reason=sanction.reason,
            starts_at=sanction.starts_at,
            ends_at=sanction.ends_at,
            lifted_at=sanction.lifted_at,
        )


class SessionOutput(Struct):
    """One sign-in in a person's own list."""

    id: UUID
    kind: str
    device: str
    address: str
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    current: bool

    @classmethod
    def of(cls, session: UserSession, current_id: UUID | None) -> "SessionOutput":
        return cls(
            id=session.id,
            kind=session.kind,
            device=session.device,
            address=session.address or "",
            created_at=session.created_at,
            last_seen_at=session.last_seen_at,
            expires_at=session.expire_date,
            current=session.id == current_id,
        )


class SessionInfo(Struct):
    """What a sign-in answers of its session (protocol-v1.md, section 3)."""

    id: UUID
    expires_at: datetime

    @classmethod
    def of(cls, session: UserSession) -> "SessionInfo":
        return cls(session.id, session.expire_date)


# What is asked for.


class UserIdInput(Struct):
    user_id: UUID


class ListUsersInput(Struct):
    search: str = ""
    online_only: bool = False
    limit: int = 50
    offset: int = 0


class UpdateProfileInput(Struct):
    display_name: str | None = None
    bio: str | None = None
    timezone: str | None = None
    language: str | None = None
    email: str | None = None


class SanctionUserInput(Struct):
    user_id: UUID
    reason: str
    until: datetime | None = None


class SanctionInput(Struct):
    user_id: UUID
    kind: Literal["warn", "mute", "suspend", "ban"]
    reason: str
    until: datetime | None = None


class LiftSanctionInput(Struct):
    sanction_id: UUID
    reason: str = ""


class ChangeRoleInput(Struct):
    user_id: UUID
    role: str
    reason: str = ""


class SessionIdInput(Struct):
    session_id: UUID


class EndUserSessionsInput(Struct):
    user_id: UUID
    reason: str


class ChangePasswordInput(Struct):
    current_password: str
    new_password: str


class RegisterInput(Struct):
    username: str
    email: str
    password: str


class LoginInput(Struct):
    identifier: str
    password: str


class RefreshInput(Struct):
    refresh: str


# What is answered.


class UserAnswer(Struct):
    user: UserOutput


class PersonAnswer(Struct):
    """A person, and whether they are here now."""

    user: UserOutput
    online: bool


class PeopleAnswer(Struct):
    users: list[PersonAnswer]
    has_more: bool
    total_count: int


class SanctionAnswer(Struct):
    sanction: SanctionOutput


class SessionsAnswer(Struct):
    sessions: list[SessionOutput]


class SignInAnswer(Struct):
    user: UserOutput
    session: SessionInfo
    token: str


class TokenAnswer(Struct):
    token: str
    expires_at: datetime


class TokenPairAnswer(Struct):
    access: str
    refresh: str
    expires_at: datetime
