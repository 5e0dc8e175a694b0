"""The roads from an id to an account or a session, and what each reader may see of them."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.actor import Actor, Caller, Via
from accounts.errors import AccountDisabled, SessionExpired, SessionNotFound, UserNotFound
from accounts.models import Sanction, User, UserSession
from accounts.roles import Permission, SiteRole
from lairchat.core.errors import DomainError
from lairchat.core.prepared import Prepared
from lairchat.core.text import fold

Acquaintances = Callable[[User], Iterable[UUID] | QuerySet]
_acquaintances: list[Acquaintances] = []


def register_acquaintances(function: Acquaintances) -> Acquaintances:
    """Decorator for an app above: whom a guest may see (guarantees 6, note 15), as ids or a subquery of ids."""
    _acquaintances.append(function)
    return function


def visible_to(actor: Actor) -> QuerySet[User]:
    """The people this actor may know of: everybody, or for a guest those who share a room with them."""
    if actor.is_system or actor.allows(Permission.SEE_DIRECTORY):
        return User.objects.all()
    seen = Q(id=actor.user_id)
    for acquaintances in _acquaintances:
        seen |= Q(id__in=acquaintances(actor.person))
    return User.objects.filter(seen)


def user_for(actor: Actor, user_id: UUID, *, lock: bool = False) -> User:
    """The account, its row locked if asked for. Raises UserNotFound, also where the actor may not know of it."""
    people = visible_to(actor)
    if lock:
        people = people.select_for_update(of=("self",))
    user = people.filter(id=user_id).first()
    if user is None:
        raise UserNotFound()
    return user


def renewed(actor: Actor) -> Actor:
    """The actor as they are now: rights are those of this transaction, not those of the connection (S7).

    Asked after the locks are held: whoever waited for them may have lost their rank meanwhile.
    Raises AccountDisabled, also if the account is gone.
    """
    if actor.is_system:
        return actor
    user = User.objects.filter(id=actor.person.id).first()
    if user is None or not user.is_usable():
        raise AccountDisabled()
    return replace(actor, user=user)


_USERS = Prepared("SELECT {0} FROM accounts_user AS t0 WHERE t0.id IN (VALUES {wanted})", User)


def users_by_ids(ids: Collection[UUID]) -> dict[UUID, User]:
    """The accounts that exist among these ids; one statement."""
    return {user.id: user for (user,) in _USERS.each([[id_] for id_ in ids])}


_SESSION = Prepared(
    "SELECT {0}, {1} FROM accounts_usersession AS t0 JOIN accounts_user AS t1 ON t1.id = t0.user_id WHERE t0.id = %s",
    UserSession,
    User,
)


def live_session(session_id: UUID) -> UserSession:
    """The session with its account, both in force; one statement (S1).

    Raises SessionNotFound (unknown or ended), SessionExpired, AccountDisabled.
    """
    found = _SESSION.first(session_id)
    if found is None:
        raise SessionNotFound()
    session: UserSession = found[0]
    session.user = found[1]
    return checked(session)


def live_session_of_key(stored_key: str) -> UserSession:
    """The same by the stored form of a cookie's value (`sessions.stored_key`)."""
    return checked(UserSession.objects.select_related("user").filter(session_key=stored_key).first())


def checked(session: UserSession | None) -> UserSession:
    if session is None or session.ended_at is not None:
        raise SessionNotFound()
    if not session.is_live():
        raise SessionExpired()
    if not session.user.is_usable():
        raise AccountDisabled()
    return session


def live_actor(session_id: UUID, *, via: Via, address: str, request_id: str = "") -> Actor:
    """Who acts through this session, read now; one statement. Raises what `live_session` raises."""
    return Actor.through(live_session(session_id), via=via, address=address, request_id=request_id)


_SESSIONS = Prepared(
    "SELECT {0}, {1} FROM accounts_usersession AS t0 JOIN accounts_user AS t1 ON t1.id = t0.user_id"
    " WHERE t0.id IN (VALUES {wanted})",
    UserSession,
    User,
)


def present(callers: Sequence[Actor | Caller]) -> list[Actor | DomainError]:
    """Each as the actor they are now, or what refuses them (`live_session`, `renewed`); at most two statements (S7)."""
    session_ids = {caller.session_id for caller in callers if isinstance(caller, Caller)}
    user_ids = {caller.person.id for caller in callers if isinstance(caller, Actor) and not caller.is_system}
    sessions = {session.id: (session, user) for session, user in _SESSIONS.each([[id_] for id_ in session_ids])}
    users = users_by_ids(user_ids)
    return [_through(caller, sessions) if isinstance(caller, Caller) else _as_now(caller, users) for caller in callers]


def _through(caller: Caller, sessions: dict[UUID, tuple[UserSession, User]]) -> Actor | DomainError:
    found = sessions.get(caller.session_id)
    if found is None:
        return SessionNotFound()
    session, user = found
    session.user = user
    try:
        checked(session)
    except DomainError as refusal:
        return refusal
    return Actor.through(session, via=caller.via, address=caller.address, request_id=caller.request_id)


def _as_now(actor: Actor, users: dict[UUID, User]) -> Actor | DomainError:
    if actor.is_system:
        return actor
    user = users.get(actor.person.id)
    if user is None or not user.is_usable():
        return AccountDisabled()
    return replace(actor, user=user)


def directory(
    actor: Actor, search: str = "", online_ids: Collection[UUID] | None = None, limit: int = 50, offset: int = 0
) -> tuple[list[User], int]:
    """A page of the people the actor may see, by name, and how many there are in all.

    `search` looks in names; with `online_ids` only these people count. Deactivated accounts are left out.
    """
    people = visible_to(actor).filter(is_active=True)
    if search:
        people = people.filter(Q(username_folded__contains=fold(search)) | Q(display_name__icontains=search))
    if online_ids is not None:
        people = people.filter(id__in=online_ids)
    return list(people.order_by("username_folded")[offset : offset + limit]), people.count()


def user_by_identifier(identifier: str) -> User | None:
    """The account of this name, or else of this address, however written; None if there is none."""
    folded = fold(identifier)
    found = list(User.objects.filter(Q(username_folded=folded) | Q(email=identifier.strip().lower()))[:2])
    by_name = [user for user in found if user.username_folded == folded]
    return next(iter(by_name or found), None)


def sessions_of(user_id: UUID) -> QuerySet[UserSession]:
    """The sessions of the account that are in force, newest first."""
    return UserSession.objects.filter(user=user_id, ended_at=None, expire_date__gt=timezone.now()).order_by(
        "-created_at"
    )


def usable_admins() -> list[User]:
    """The administrators who can act now, their rows locked, so that two cannot remove each other at once."""
    admins = User.objects.select_for_update().filter(role=SiteRole.ADMIN).order_by("id")
    return [admin for admin in admins if admin.is_usable()]


def has_admin() -> bool:
    """True once the site has an administrator."""
    return User.objects.filter(role=SiteRole.ADMIN, is_active=True).exists()


def sanction_behind(stored_key: str) -> Sanction | None:
    """The sanction that keeps the owner of this browser's ended session out; None if none does.

    The cookie is proof enough: whoever holds it was signed in to that account.
    """
    session = UserSession.objects.select_related("user").filter(session_key=stored_key).first()
    if session is None or session.user.is_usable():
        return None
    shutting = Sanction.objects.filter(user=session.user, kind__in=["suspend", "ban"], lifted_at=None)
    in_force = [one for one in shutting.order_by("starts_at") if one.is_in_force()]
    bans = [one for one in in_force if one.ends_at is None]
    return next(iter(bans or in_force), None)
