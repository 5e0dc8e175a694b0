"""What staff do to accounts on the whole site; each is a row that is lifted, never deleted."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from accounts import audit, queries
from accounts.actions.names import checked_reason
from accounts.actions.sessions import end_all
from accounts.actions.staff import keep_an_admin
from accounts.actor import Actor
from accounts.errors import SanctionEndInvalid, SanctionNotFound, SanctionOver
from accounts.events import SanctionLifted, UserSanctioned
from accounts.models import Sanction, User
from accounts.policy import ADMINS_LONGEST, may_know_of_sanctions, may_lift, may_sanction
from lairchat.core.action import action
from lairchat.core.errors import Forbidden
from lairchat.core.events import publish

SHORTEST = timedelta(minutes=1)
LONGEST_MUTE = timedelta(days=28)
Kind = Sanction.Kind

audit.records_refusals("warn_user", "mute_user", "suspend_user", "ban_user", "lift_sanction")


@action
def warn_user(actor: Actor, user_id: UUID, reason: str) -> Sanction:
    """Tell somebody off; nothing else follows.

    Raises ReasonInvalid, UserNotFound, Forbidden (no right, or an equal or higher rank).
    """
    return _sanction(actor, user_id, Kind.WARN, reason, None)


@action
def mute_user(actor: Actor, user_id: UUID, reason: str, until: datetime | None) -> Sanction:
    """They read, but write nowhere until then: one minute to 28 days.

    Raises SanctionEndInvalid and what `warn_user` raises.
    """
    return _sanction(actor, user_id, Kind.MUTE, reason, _end(until, LONGEST_MUTE))


@action
def suspend_user(actor: Actor, user_id: UUID, reason: str, until: datetime | None) -> Sanction:
    """No sign-in until then, at most a year; sign-ins end and sockets close with 4011. Over 30 days: administrators.

    Raises SanctionEndInvalid, LastAdmin and what `warn_user` raises.
    """
    return _sanction(actor, user_id, Kind.SUSPEND, reason, _end(until, ADMINS_LONGEST))


@action
def ban_user(actor: Actor, user_id: UUID, reason: str) -> Sanction:
    """No sign-in until it is lifted; sign-ins end and sockets close with 4011. Administrators only.

    Raises LastAdmin and what `warn_user` raises.
    """
    return _sanction(actor, user_id, Kind.BAN, reason, None)


@action
def lift_sanction(actor: Actor, sanction_id: UUID, reason: str = "") -> Sanction:
    """End a sanction before its time.

    Raises SanctionNotFound (also for people who may not know of it), Forbidden, SanctionOver, ReasonInvalid (if one
    is given).
    """
    reason = checked_reason(reason) if reason else ""
    target = User.objects.select_for_update().filter(id__in=_owner_of(sanction_id)).first()
    actor = queries.renewed(actor)
    if target is None or not may_know_of_sanctions(actor, target):
        raise SanctionNotFound()
    sanction = Sanction.objects.select_related("user").get(id=sanction_id)
    if not may_lift(actor, sanction):
        raise Forbidden()
    if not sanction.is_in_force():
        raise SanctionOver()
    sanction.lifted_at = timezone.now()
    sanction.lifted_by = actor.user
    sanction.save(update_fields=["lifted_at", "lifted_by"])
    _copy_strictest(target)
    publish(SanctionLifted(sanction))
    audit.record(actor, "sanction.lift", target, old=_summary(sanction), reason=reason)
    return sanction


def _owner_of(sanction_id: UUID) -> QuerySet:
    return Sanction.objects.filter(id=sanction_id).values("user")


def _end(until: datetime | None, longest: timedelta) -> datetime:
    """The end in UTC. Raises SanctionEndInvalid if it is not ahead, or too far."""
    if until is None or until.tzinfo is None:
        raise SanctionEndInvalid("Give the end with its time zone, like 2030-01-31T12:00:00Z.", field="until")
    lasts = until - timezone.now()
    if lasts < SHORTEST - timedelta(seconds=30):  # one minute by a clock that is a little ahead
        raise SanctionEndInvalid("The end must be at least a minute ahead.", field="until")
    if lasts > longest + SHORTEST:
        raise SanctionEndInvalid(f"The end may be at most {longest.days} days ahead.", field="until")
    return until.astimezone(UTC)


def _sanction(actor: Actor, user_id: UUID, kind: Kind, reason: str, ends_at: datetime | None) -> Sanction:
    reason = checked_reason(reason)
    now = timezone.now()
    shuts_out = kind in (Kind.SUSPEND, Kind.BAN)
    admins = queries.usable_admins() if shuts_out else []
    target = queries.user_for(actor, user_id, lock=True)
    actor = queries.renewed(actor)
    if not may_sanction(actor, target, kind, lasts=None if ends_at is None else ends_at - now):
        raise Forbidden()
    if shuts_out:
        keep_an_admin(target, admins)
    sanction = Sanction.objects.create(
        user=target, by=actor.user, kind=kind, reason=reason, starts_at=now, ends_at=ends_at
    )
    _copy_strictest(target)
    publish(UserSanctioned(sanction))
    if shuts_out:
        end_all(target, "suspended" if kind == Kind.SUSPEND else "banned")
    audit.record(actor, f"user.{kind}", target, new=_summary(sanction), reason=reason)
    return sanction


def _copy_strictest(target: User) -> None:
    """Copy to the account's row what is in force, so that each request reads only that row."""
    now = timezone.now()
    in_force = [one for one in Sanction.objects.filter(user=target, lifted_at=None) if one.is_in_force(now)]
    target.muted_until = max((one.ends_at for one in in_force if one.kind == Kind.MUTE and one.ends_at), default=None)
    target.suspended_until = max(
        (one.ends_at for one in in_force if one.kind == Kind.SUSPEND and one.ends_at), default=None
    )
    target.banned_at = min((one.starts_at for one in in_force if one.kind == Kind.BAN), default=None)
    target.save(update_fields=["muted_until", "suspended_until", "banned_at"])


def _summary(sanction: Sanction) -> dict[str, str | None]:
    ends_at = sanction.ends_at.isoformat() if sanction.ends_at else None
    return {"sanction": str(sanction.id), "kind": sanction.kind, "ends_at": ends_at}
