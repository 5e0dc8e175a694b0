"""Who acts: built once per surface, passed explicitly to every action."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from accounts.models import User, UserSession
from accounts.roles import Permission
from lairchat.core.net import limit_address

Via = Literal["rest", "ws", "tcp", "web", "admin", "cli", "rule", "system"]


@dataclass(frozen=True, slots=True)
class Actor:
    """`user` is None for the system; `address` is the peer's, as the guard settled it."""

    user: User | None
    via: Via
    session_id: UUID | None = None
    address: str = ""
    request_id: str = ""

    @classmethod
    def system(cls, via: Via = "system") -> "Actor":
        """The server itself, acting for tasks and for the operator's command line."""
        return cls(user=None, via=via)

    @classmethod
    def through(cls, session: UserSession, *, via: Via, address: str, request_id: str = "") -> "Actor":
        """The account of a session that was just read together with it."""
        return cls(session.user, via, session.id, address, request_id)

    @property
    def is_system(self) -> bool:
        return self.user is None

    @property
    def person(self) -> User:
        """The account. Raises ValueError for the system, which has none."""
        if self.user is None:
            raise ValueError("the system has no account")
        return self.user

    @property
    def user_id(self) -> UUID | None:
        return None if self.user is None else self.user.id

    @property
    def limit_key(self) -> str:
        return "system" if self.user is None else str(self.user.id)

    def allows(self, permission: Permission) -> bool:
        return self.user is None or self.user.allows(permission)


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever acts through a session: read, with the session, in the transaction of the act."""

    session_id: UUID
    via: Via
    address: str = ""
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody at the door who is not signed in: all that is known is where they knock."""

    via: Via
    address: str = ""
    device: str = ""
    request_id: str = ""

    user = None
    user_id = None
    session_id = None
    is_system = False

    @property
    def limit_key(self) -> str:
        return limit_address(self.address)

    def allows(self, permission: Permission) -> bool:
        return False
