"""Ranks, and accounts that are switched off and on."""

from uuid import UUID

from django.utils import timezone

from accounts import audit, queries
from accounts.actions.names import checked_reason
from accounts.actions.sessions import end_all
from accounts.actor import Actor
from accounts.errors import LastAdmin
from accounts.events import ProfileUpdated, StaffChanged
from accounts.models import User
from accounts.policy import is_staff_role, may_change_role, may_manage
from accounts.roles import SiteRole
from lairchat.core.action import action
from lairchat.core.errors import Forbidden, Invalid
from lairchat.core.events import publish

audit.records_refusals("change_role", "deactivate_user", "reactivate_user")


@action
def change_role(actor: Actor, user_id: UUID, role: str, reason: str = "") -> User:
    """Give somebody another site rank. A demotion ends all their sign-ins (S3). The same rank changes nothing.

    Raises Invalid (no such rank), ReasonInvalid (if one is given), UserNotFound, Forbidden, LastAdmin.
    """
    new = _role(role)
    reason = checked_reason(reason) if reason else ""
    admins = queries.usable_admins()
    target = queries.user_for(actor, user_id, lock=True)
    actor = queries.renewed(actor)
    if not may_change_role(actor, target, new):
        raise Forbidden()
    old = target.site_role
    if new is old:
        return target
    if old is SiteRole.ADMIN:
        keep_an_admin(target, admins)
    target.role = new
    target.updated_at = timezone.now()
    target.save(update_fields=["role", "updated_at"])
    _publish_role(target, old)
    audit.record(actor, "role.change", target, old={"role": old.value}, new={"role": new.value}, reason=reason)
    return target


def _role(role: str) -> SiteRole:
    try:
        return SiteRole(role)
    except ValueError:
        raise Invalid(f"Validation failed: role - one of {', '.join(SiteRole)}", field="role") from None


def _publish_role(target: User, old: SiteRole) -> None:
    publish(ProfileUpdated(target))
    if is_staff_role(old) or is_staff_role(target.role):
        publish(StaffChanged())
    if old.outranks(target.site_role):
        end_all(target, "demoted")


@action
def deactivate_user(actor: Actor, user_id: UUID, reason: str) -> User:
    """Switch an account off: no rights, no sign-in; its name stays on its messages. Sockets close with 4011.

    Raises UserNotFound, Forbidden, LastAdmin, ReasonInvalid. An account that is off already stays so.
    """
    reason = checked_reason(reason)
    admins = queries.usable_admins()
    target = queries.user_for(actor, user_id, lock=True)
    actor = queries.renewed(actor)
    if not may_manage(actor, target):
        raise Forbidden()
    if not target.is_active:
        return target
    keep_an_admin(target, admins)
    _set_active(target, False)
    end_all(target, "deactivated")
    audit.record(actor, "user.deactivate", target, old={"active": True}, new={"active": False}, reason=reason)
    return target


@action
def reactivate_user(actor: Actor, user_id: UUID, reason: str) -> User:
    """Switch an account on again. Raises UserNotFound, Forbidden, ReasonInvalid."""
    reason = checked_reason(reason)
    target = queries.user_for(actor, user_id, lock=True)
    actor = queries.renewed(actor)
    if not may_manage(actor, target):
        raise Forbidden()
    if target.is_active:
        return target
    _set_active(target, True)
    audit.record(actor, "user.reactivate", target, old={"active": False}, new={"active": True}, reason=reason)
    return target


def _set_active(target: User, active: bool) -> None:
    target.is_active = active
    target.updated_at = timezone.now()
    target.save(update_fields=["is_active", "updated_at"])
    publish(ProfileUpdated(target))
    if is_staff_role(target.role):
        publish(StaffChanged())


def keep_an_admin(target: User, admins: list[User]) -> None:
    """Raises LastAdmin if the target is the only one of these administrators, whose rows are locked (note 17)."""
    if [admin.id for admin in admins] == [target.id]:
        raise LastAdmin()
