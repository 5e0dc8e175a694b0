"""What a program may ask about accounts: checked input in, the answer's form out."""

from datetime import datetime
from uuid import UUID

from accounts import presence, queries
from accounts.actions import login, passwords, profile, sanctions, sessions, staff
from accounts.actor import Actor
from accounts.models import Sanction, User
from accounts.shapes import (
    ChangePasswordInput,
    ChangeRoleInput,
    EndUserSessionsInput,
    LiftSanctionInput,
    ListUsersInput,
    PeopleAnswer,
    PersonAnswer,
    SanctionAnswer,
    SanctionInput,
    SanctionOutput,
    SanctionUserInput,
    SessionIdInput,
    SessionOutput,
    SessionsAnswer,
    TokenAnswer,
    UpdateProfileInput,
    UserAnswer,
    UserIdInput,
    UserOutput,
)
from lairchat.core.commands import Done, Nothing, command
from lairchat.core.errors import Invalid
from lairchat.core.forms import page_limit, search_text


@command("logout")
def logout(actor: Actor, data: Nothing) -> Done:
    """End the session this came with; its sockets close with 4010."""
    sessions.log_out(actor)
    return Done()


@command("get_current_user", gives=UserAnswer)
def get_current_user(actor: Actor, data: Nothing) -> UserAnswer:
    """Who I am, with my own mail address."""
    return UserAnswer(UserOutput.own(actor.person))


@command("get_user", takes=UserIdInput, gives=PersonAnswer)
def get_user(actor: Actor, data: UserIdInput) -> PersonAnswer:
    """One person, and whether they are online."""
    user = queries.user_for(actor, data.user_id)
    return _person(actor, user, presence.online_ids())


@command("list_users", takes=ListUsersInput, gives=PeopleAnswer)
def list_users(actor: Actor, data: ListUsersInput) -> PeopleAnswer:
    """A page of the directory, by name."""
    limit = page_limit(data.limit)
    if not 0 <= data.offset < 2**31:
        raise Invalid("Validation failed: offset - must be a position in the list", field="offset")
    online = presence.online_ids()
    people, total = queries.directory(
        actor, search_text(data.search), online if data.online_only else None, limit, data.offset
    )
    return PeopleAnswer([_person(actor, user, online) for user in people], data.offset + len(people) < total, total)


def _person(actor: Actor, user: User, online: frozenset[UUID]) -> PersonAnswer:
    output = UserOutput.own(user) if user.id == actor.user_id else UserOutput.of(user)
    return PersonAnswer(output, user.id in online)


@command("update_profile", takes=UpdateProfileInput, gives=UserAnswer)
def update_profile(actor: Actor, data: UpdateProfileInput) -> UserAnswer:
    """Change my own words; what is missing or null stays."""
    user = profile.update_profile(
        actor,
        display_name=data.display_name,
        bio=data.bio,
        timezone=data.timezone,
        language=data.language,
        email=data.email,
    )
    return UserAnswer(UserOutput.own(user))


@command("change_password", takes=ChangePasswordInput)
def change_password(actor: Actor, data: ChangePasswordInput) -> Done:
    """Replace my password; my other sign-ins end."""
    passwords.change_password(actor, data.current_password, data.new_password)
    return Done()


@command("list_sessions", gives=SessionsAnswer)
def list_sessions(actor: Actor, data: Nothing) -> SessionsAnswer:
    """My sign-ins in force, newest first."""
    return SessionsAnswer([SessionOutput.of(session, actor.session_id) for session in sessions.list_sessions(actor)])


@command("end_session", takes=SessionIdInput)
def end_session(actor: Actor, data: SessionIdInput) -> Done:
    """End one of my sign-ins."""
    sessions.end_session(actor, data.session_id)
    return Done()


@command("end_sessions")
def end_sessions(actor: Actor, data: Nothing) -> Done:
    """End all my sign-ins but this one."""
    sessions.end_sessions(actor)
    return Done()


@command("end_user_sessions", takes=EndUserSessionsInput)
def end_user_sessions(actor: Actor, data: EndUserSessionsInput) -> Done:
    """Staff: end all sign-ins of somebody."""
    sessions.end_user_sessions(actor, data.user_id, data.reason)
    return Done()


@command("change_role", takes=ChangeRoleInput, gives=UserAnswer)
def change_role(actor: Actor, data: ChangeRoleInput) -> UserAnswer:
    """Administrators: give somebody another site rank."""
    return UserAnswer(UserOutput.of(staff.change_role(actor, data.user_id, data.role, data.reason)))


@command("warn_user", takes=SanctionUserInput, gives=SanctionAnswer)
def warn_user(actor: Actor, data: SanctionUserInput) -> SanctionAnswer:
    """Staff: warn somebody."""
    return _imposed(actor, Sanction.Kind.WARN, data.user_id, data.reason, data.until)


@command("mute_user", takes=SanctionUserInput, gives=SanctionAnswer)
def mute_user(actor: Actor, data: SanctionUserInput) -> SanctionAnswer:
    """Staff: somebody reads but writes nowhere until then."""
    return _imposed(actor, Sanction.Kind.MUTE, data.user_id, data.reason, data.until)


@command("suspend_user", takes=SanctionUserInput, gives=SanctionAnswer)
def suspend_user(actor: Actor, data: SanctionUserInput) -> SanctionAnswer:
    """Staff: no sign-in until then; sockets close with 4011."""
    return _imposed(actor, Sanction.Kind.SUSPEND, data.user_id, data.reason, data.until)


@command("ban_user", takes=SanctionUserInput, gives=SanctionAnswer)
def ban_user(actor: Actor, data: SanctionUserInput) -> SanctionAnswer:
    """Administrators: no sign-in until it is lifted; sockets close with 4011."""
    return _imposed(actor, Sanction.Kind.BAN, data.user_id, data.reason, data.until)


def impose(actor: Actor, data: SanctionInput) -> SanctionAnswer:
    """Staff: the sanction of the kind asked for (the one route of REST for all four)."""
    return _imposed(actor, Sanction.Kind(data.kind), data.user_id, data.reason, data.until)


def _imposed(actor: Actor, kind: Sanction.Kind, user_id: UUID, reason: str, until: datetime | None) -> SanctionAnswer:
    if kind in (Sanction.Kind.MUTE, Sanction.Kind.SUSPEND):
        act = sanctions.mute_user if kind == Sanction.Kind.MUTE else sanctions.suspend_user
        return SanctionAnswer(SanctionOutput.of(act(actor, user_id, reason, until)))
    endless = sanctions.warn_user if kind == Sanction.Kind.WARN else sanctions.ban_user
    return SanctionAnswer(SanctionOutput.of(endless(actor, user_id, reason)))


@command("lift_sanction", takes=LiftSanctionInput, gives=SanctionAnswer)
def lift_sanction(actor: Actor, data: LiftSanctionInput) -> SanctionAnswer:
    """Staff: end a sanction of the whole site before its time."""
    return SanctionAnswer(SanctionOutput.of(sanctions.lift_sanction(actor, data.sanction_id, data.reason)))


def refresh(actor: Actor, data: Nothing) -> TokenAnswer:
    """Another token for the same session, which it does not make longer."""
    return TokenAnswer(*login.refresh_session(actor))
