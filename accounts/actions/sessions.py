"""Sign-ins of an account: begin, list, end. What ends here is refused from the next request on (S1)."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID, uuid4

from django.utils import timezone

from accounts import audit, queries, sessions
from accounts.actions.names import checked_reason
from accounts.actor import Actor, Visitor
from accounts.errors import UnknownSession
from accounts.events import SessionEnded
from accounts.models import User, UserSession
from accounts.policy import may_end_sessions_of
from lairchat.core.action import action
from lairchat.core.errors import Forbidden
from lairchat.core.events import publish

audit.records_refusals("end_user_sessions")


def begin_session(visitor: Visitor, user: User, kind: str) -> tuple[UserSession, str]:
    """Inside an action: the row of a new sign-in, and the cookie's value (empty for a program)."""
    cookie_value = sessions.new_cookie_value() if kind == UserSession.Kind.WEB else ""
    now = timezone.now()
    session = UserSession.objects.create(
        user=user,
        kind=kind,
        session_key=sessions.stored_key(cookie_value) if cookie_value else None,
        device=visitor.device[:200],
        address=visitor.address or None,
        refresh_jti=str(uuid4()),
        expire_date=now + sessions.LIFETIMES[UserSession.Kind(kind)],
        created_at=now,
        last_seen_at=now,
    )
    return session, cookie_value


def list_sessions(actor: Actor) -> list[UserSession]:
    """The actor's own sign-ins in force, newest first."""
    return list(queries.sessions_of(actor.person.id))


@action
def log_out(actor: Actor) -> None:
    """End the session the actor came with; its sockets close with 4010. Twice is no error."""
    if actor.session_id is not None:
        _end_own(actor, [actor.session_id], "signed_out")


@action
def end_session(actor: Actor, session_id: UUID) -> None:
    """End one of the actor's own sign-ins. Raises UnknownSession."""
    if not _end_own(actor, [session_id], "ended_by_owner"):
        raise UnknownSession()


@action
def end_sessions(actor: Actor) -> int:
    """End all of the actor's sign-ins but the one they came with; how many those were."""
    return len(end_others(actor, "ended_by_owner"))


@action
def end_user_sessions(actor: Actor, user_id: UUID, reason: str) -> int:
    """Staff end all sign-ins of somebody; how many those were.

    Raises UserNotFound, Forbidden (no right, or an equal or higher rank), ReasonInvalid.
    """
    reason = checked_reason(reason)
    target = queries.user_for(actor, user_id, lock=True)
    actor = queries.renewed(actor)
    if not may_end_sessions_of(actor, target):
        raise Forbidden()
    ended = end_all(target, "ended_by_staff")
    audit.record(actor, "user_sessions.end", target, new={"sessions": len(ended)}, reason=reason)
    return len(ended)


def end_others(actor: Actor, reason: str) -> list[UUID]:
    """Inside an action: end the account's other sign-ins, each told by its own event (S3)."""
    live = queries.sessions_of(actor.person.id).values_list("id", flat=True)
    return _end_own(actor, [id_ for id_ in live if id_ != actor.session_id], reason)


def end_all(user: User, reason: str) -> list[UUID]:
    """Inside an action: end every sign-in of the account with one event."""
    ids = list(queries.sessions_of(user.id).values_list("id", flat=True))
    if ids:
        _end_rows(ids, reason, timezone.now())
        publish(SessionEnded(user.id, ids, all_of_them=True))
    return ids


@action
def forget_sessions(actor: Actor) -> int:
    """Upkeep: take away some of the sign-ins that ended long ago; answers how many."""
    return sessions.forget_some()


def _end_own(actor: Actor, ids: Iterable[UUID], reason: str) -> list[UUID]:
    own = UserSession.objects.select_for_update().filter(user=actor.person, id__in=list(ids), ended_at=None)
    ended = list(own.values_list("id", flat=True))
    _end_rows(ended, reason, timezone.now())
    publish(*(SessionEnded(actor.person.id, [id_]) for id_ in ended))
    return ended


def _end_rows(ids: list[UUID], reason: str, now: datetime) -> None:
    UserSession.objects.filter(id__in=ids, ended_at=None).update(ended_at=now, end_reason=reason)
