"""What happens to accounts. All but one are for the person alone; staff read the rest again by their rights."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from accounts import queries
from accounts.models import Sanction, User
from accounts.shapes import SanctionOutput, UserOutput
from lairchat.core.events import Close, Effect, Event, register
from lairchat.core.log import SITE, user_stream
from lairchat.core.models import StreamEntry

SESSION_ENDED = 4010
ACCOUNT_DISABLED = 4011


def _owners(entries: Iterable[StreamEntry]) -> list[UUID]:
    return [UUID(entry.stream_id.removeprefix("user:")) for entry in entries]


class _OfUser(Event):
    """Shows the account to itself, as it is when the frame is made."""

    def __init__(self, user: User) -> None:
        self.user = user

    def stream(self) -> str:
        return user_stream(self.user.id)

    def payload(self) -> dict[str, Any]:
        return {"user": UserOutput.own(self.user)}

    @classmethod
    def load(cls, entries: Sequence[StreamEntry]) -> list[Any]:
        owners = _owners(entries)
        users = queries.users_by_ids(set(owners))
        return [cls(users[owner]) if owner in users else None for owner in owners]


@register
class UserRegistered(_OfUser):
    """An account was made: the first entry of its stream."""

    type = "user_registered"


@register
class ProfileUpdated(_OfUser):
    """Somebody's profile, rank or standing changed. Deactivating an account closes its sockets."""

    type = "profile_updated"

    def effects(self) -> Sequence[Effect]:
        return () if self.user.is_active else (Close(self.user.id, ACCOUNT_DISABLED),)


class _OfSanction(Event):
    def __init__(self, sanction: Sanction) -> None:
        self.sanction = sanction

    def stream(self) -> str:
        return user_stream(self.sanction.user_id)

    def refs(self) -> dict[str, Any]:
        return {"sanction": str(self.sanction.id)}

    def payload(self) -> dict[str, Any]:
        return {"sanction": SanctionOutput.of(self.sanction)}

    @classmethod
    def load(cls, entries: Sequence[StreamEntry]) -> list[Any]:
        ids = [UUID(entry.refs["sanction"]) for entry in entries]
        sanctions = Sanction.objects.in_bulk(set(ids))
        return [cls(sanctions[id_]) if id_ in sanctions else None for id_ in ids]


@register
class UserSanctioned(_OfSanction):
    """Staff warned, muted, suspended or banned somebody on the whole site; the last two close their sockets."""

    type = "user_sanctioned"

    def effects(self) -> Sequence[Effect]:
        # Asked again at replay: one that is over must not close the socket of somebody who is back.
        shuts_out = self.sanction.kind in (Sanction.Kind.SUSPEND, Sanction.Kind.BAN)
        if not shuts_out or not self.sanction.is_in_force():
            return ()
        return (Close(self.sanction.user_id, ACCOUNT_DISABLED),)


@register
class SanctionLifted(_OfSanction):
    """A sanction of the whole site ended before its time."""

    type = "sanction_lifted"


@register
class SessionEnded(Event):
    """Sign-ins of an account ended; `session_id` says which, or is null where it was all of them.

    Each is named in the log, so that a replay closes what ended then and nothing newer.
    """

    type = "session_ended"

    def __init__(self, user_id: UUID, session_ids: Sequence[UUID], *, all_of_them: bool = False) -> None:
        self.user_id = user_id
        self.session_ids = session_ids
        self.all_of_them = all_of_them

    def stream(self) -> str:
        return user_stream(self.user_id)

    def refs(self) -> dict[str, Any]:
        return {"sessions": [str(id_) for id_ in self.session_ids], "all": self.all_of_them}

    def payload(self) -> dict[str, Any]:
        return {"session_id": None if self.all_of_them else self.session_ids[0]}

    def effects(self) -> Sequence[Effect]:
        return [Close(self.user_id, SESSION_ENDED, session_id=id_) for id_ in self.session_ids]

    @classmethod
    def load(cls, entries: Sequence[StreamEntry]) -> "list[SessionEnded | None]":
        return [
            cls(owner, [UUID(id_) for id_ in entry.refs["sessions"]], all_of_them=entry.refs["all"])
            for owner, entry in zip(_owners(entries), entries, strict=True)
        ]


@register
class StaffChanged(Event):
    """Somebody became staff or is not any more: read again what you may see."""

    type = "staff_changed"

    def stream(self) -> str:
        return SITE

    @classmethod
    def load(cls, entries: Sequence[StreamEntry]) -> "list[StaffChanged | None]":
        return [cls() for _ in entries]
