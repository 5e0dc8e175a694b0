"""Who may do what to an account: the rules over the table of `roles` (guarantees, section 6)."""

from datetime import timedelta

from accounts.actor import Actor
from accounts.models import Sanction, User
from accounts.roles import Permission, SiteRole

MODERATORS_LONGEST = timedelta(days=30)
ADMINS_LONGEST = timedelta(days=366)


def may_act_on(actor: Actor, target: User) -> bool:
    """Rules (a) and (c): nobody acts on themselves or on an equal or higher rank; an administrator may on an equal."""
    if actor.is_system:
        return True
    person = actor.person
    if person.id == target.id:
        return False
    return person.site_role is SiteRole.ADMIN or person.site_role.outranks(target.site_role)


def may_sanction(actor: Actor, target: User, kind: str, *, lasts: timedelta | None = None) -> bool:
    """`lasts` is how long it would last, None without end."""
    return actor.allows(permission_for(kind, lasts)) and may_act_on(actor, target)


def may_lift(actor: Actor, sanction: Sanction) -> bool:
    """Whoever may give such a sanction to this person may lift it."""
    lasts = None if sanction.ends_at is None else sanction.ends_at - sanction.starts_at
    return may_sanction(actor, sanction.user, sanction.kind, lasts=lasts)


def may_know_of_sanctions(actor: Actor, target: User) -> bool:
    """One's own, and for those who may give them, everybody's."""
    return actor.allows(Permission.SANCTION_LIGHT) or actor.user_id == target.id


def permission_for(kind: str, lasts: timedelta | None) -> Permission:
    if kind in (Sanction.Kind.WARN, Sanction.Kind.MUTE):
        return Permission.SANCTION_LIGHT
    if kind == Sanction.Kind.SUSPEND and lasts is not None and lasts <= MODERATORS_LONGEST:
        return Permission.SANCTION_SUSPEND
    return Permission.SANCTION_BAN


def may_change_role(actor: Actor, target: User, role: SiteRole) -> bool:
    """Rule (b): nobody grants a rank above their own."""
    if actor.is_system:
        return True
    within = not role.outranks(actor.person.site_role)
    return actor.allows(Permission.STAFF_GRANT) and may_act_on(actor, target) and within


def may_manage(actor: Actor, target: User) -> bool:
    """Deactivate and reactivate an account."""
    return actor.allows(Permission.PEOPLE_MANAGE) and may_act_on(actor, target)


def may_end_sessions_of(actor: Actor, target: User) -> bool:
    return actor.allows(Permission.SESSIONS_END) and may_act_on(actor, target)


def is_staff_role(role: str) -> bool:
    return SiteRole(role) in (SiteRole.MODERATOR, SiteRole.ADMIN)
