"""Sign-ins and sanctions of the whole site on the desk."""

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.safestring import SafeString

from accounts import policy
from accounts.actions.sanctions import lift_sanction
from accounts.actions.sessions import end_user_sessions
from accounts.actor import Actor
from accounts.models import Sanction, User, UserSession
from accounts.roles import Permission
from lairchat.core.admin import EMPTY, ModerationAdmin, badge, link, moment, page_of
from lairchat.core.admin_lists import Where, choice, exactly, period
from lairchat.core.admin_reason import Act
from lairchat.core.net import is_address
from lairchat.core.text import fold


def in_force() -> Q:
    """Sanctions that hold now; a warning holds nothing."""
    return Q(lifted_at=None) & (Q(ends_at=None) | Q(ends_at__gt=timezone.now())) & ~Q(kind="warn")


def over() -> Q:
    return ~in_force() & ~Q(kind="warn")


STATES: dict[str, tuple[str, Where]] = {
    "force": ("in force", in_force),
    "lifted": ("lifted", Q(lifted_at__isnull=False)),
    "over": ("over", over),
}


def person_link(user: User | None) -> str | SafeString:
    """The name, leading to the person's page."""
    return EMPTY if user is None else link(page_of(user), user.username)


def why_not_act_on(actor: Actor, target: User) -> str:
    """The rule that stands between this actor and this person; nothing if none does."""
    if actor.user_id == target.id:
        return "nobody acts on themselves"
    if policy.may_act_on(actor, target):
        return ""
    return "moderators never act on staff" if policy.is_staff_role(target.role) else "an equal or higher rank"


def state_of(sanction: Any) -> SafeString:
    """Of a sanction of the site or a room."""
    if sanction.lifted_at is not None:
        return badge("calm", "lifted")
    if sanction.kind in ("warn", "kick"):
        return badge("calm", "done")
    return badge("bad", "in force") if sanction.is_in_force() else badge("calm", "over")


def end_of(sanction: Any) -> str | SafeString:
    if sanction.kind in ("warn", "kick"):
        return EMPTY
    return "until lifted" if sanction.ends_at is None else moment(sanction.ends_at)


class SanctionShapeAdmin(ModerationAdmin):
    """What the lists of site and room sanctions have in common."""

    def waiting(self, request: Any) -> QuerySet:
        """What the menu counts: those in force."""
        return self.get_queryset(request).filter(in_force())

    @admin.display(description="person")
    def person(self, row: Any) -> str | SafeString:
        return person_link(row.user)

    @admin.display(description="what")
    def what(self, row: Any) -> str:
        return row.get_kind_display()

    @admin.display(description="state")
    def state(self, row: Any) -> SafeString:
        return state_of(row)

    @admin.display(description="from")
    def start(self, row: Any) -> str | SafeString:
        return moment(row.starts_at)

    @admin.display(description="until")
    def end(self, row: Any) -> str | SafeString:
        return end_of(row)

    @admin.display(description="by")
    def given_by(self, row: Any) -> str | SafeString:
        return person_link(row.by) if row.by_id else "the server"

    def describe(self, row: Any) -> str:
        return f"{row.user.username}, {row.get_kind_display()} {timezone.localtime(row.starts_at):%d %b %Y %H:%M}"

    def excerpt(self, row: Any) -> str:
        return row.reason

    def facts(self, request: Any, row: Any) -> list[tuple[str, Any]]:
        facts = super().facts(request, row)
        if row.lifted_at is not None:
            facts += [("Lifted", moment(row.lifted_at)), ("Lifted by", person_link(row.lifted_by))]
        return facts


def why_not_lift(actor: Actor, sanction: Sanction) -> str:
    if sanction.kind == Sanction.Kind.WARN or not sanction.is_in_force():
        return "it is over already"
    if policy.may_lift(actor, sanction):
        return ""
    return why_not_act_on(actor, sanction.user) or "only administrators lift this"


LIFT = Act(
    title="Lift sanctions",
    run=lift_sanction,
    effect="They may do at once what the sanction kept them from. The row stays.",
    refusal=why_not_lift,
    told=False,
)


@admin.register(Sanction)
class SanctionAdmin(SanctionShapeAdmin):
    """What staff did to accounts on the whole site."""

    intro = "Warnings, mutes, suspensions and bans on the whole site. They are lifted, never deleted."
    empty = "Nobody has been sanctioned yet."
    search_fields = ("reason",)
    search_hint = "A name, or words of the reason"
    list_display = ("person", "what", "state", "start", "end", "given_by", "reason")
    list_select_related = ("user", "by", "lifted_by")
    list_filter = (
        choice("state", "state", STATES),
        choice("kind", "kind", {kind.value: (str(kind.label), Q(kind=kind)) for kind in Sanction.Kind}),
        period("starts_at"),
        exactly("person", "person", "user"),
    )
    actions = ("lift",)

    def find(self, request: Any, queryset: QuerySet, words: str) -> QuerySet:
        return queryset.filter(Q(user__username_folded__contains=fold(words)) | Q(reason__icontains=words))

    @admin.action(description="Lift…", permissions=["sanction_light"])
    def lift(self, request: Any, queryset: QuerySet) -> Any:
        return self.with_reason(request, queryset, LIFT)


def live() -> Q:
    return Q(ended_at=None, expire_date__gt=timezone.now())


SIGN_OUT = Act(
    title="Sign out everywhere",
    run=end_user_sessions,
    effect="Every sign-in of these people ends and their open chats close at once. They may sign in again.",
    refusal=why_not_act_on,
    told=False,
)


@admin.register(UserSession)
class SessionAdmin(ModerationAdmin):
    """Every sign-in: a browser or a program."""

    needs = Permission.SESSIONS_END
    intro = "One line for each sign-in. Cookies, tokens and open chats stand on it and fall with it."
    empty = "Nobody has signed in yet."
    search_fields = ("device",)
    search_hint = "A name, or a network address"
    list_display = ("person", "state", "kind", "device", "started", "seen", "address")
    list_select_related = ("user",)
    list_filter = (
        choice("state", "state", {"live": ("in force", live), "ended": ("ended", lambda: ~live())}),
        choice("kind", "kind", {kind.value: (str(kind.label), Q(kind=kind)) for kind in UserSession.Kind}),
        period("created_at"),
        exactly("person", "person", "user"),
    )
    actions = ("sign_out",)

    def get_queryset(self, request: Any) -> QuerySet:
        return super().get_queryset(request).defer("session_data", "session_key", "refresh_jti")

    def get_list_display(self, request: Any) -> tuple[str, ...]:
        shown = super().get_list_display(request)
        may_see = request.actor.allows(Permission.ADDRESSES_SEE)
        return tuple(name for name in shown if may_see or name != "address")

    def find(self, request: Any, queryset: QuerySet, words: str) -> QuerySet:
        found = Q(user__username_folded__contains=fold(words))
        if request.actor.allows(Permission.ADDRESSES_SEE):
            found |= Q(address=words) if is_address(words) else Q()
        return queryset.filter(found)

    def describe(self, row: UserSession) -> str:
        return f"{row.user.username}, {row.get_kind_display()} since {timezone.localtime(row.created_at):%d %b %H:%M}"

    @admin.display(description="person")
    def person(self, row: UserSession) -> str | SafeString:
        return person_link(row.user)

    @admin.display(description="state")
    def state(self, row: UserSession) -> SafeString:
        if row.is_live():
            return badge("good", "in force")
        return badge("calm", row.end_reason.replace("_", " ") or "expired")

    @admin.display(description="started")
    def started(self, row: UserSession) -> str | SafeString:
        return moment(row.created_at)

    @admin.display(description="last seen")
    def seen(self, row: UserSession) -> str | SafeString:
        return moment(row.last_seen_at)

    @admin.action(description="Sign out everywhere…", permissions=["sessions_end"])
    def sign_out(self, request: Any, queryset: QuerySet) -> Any:
        return self.with_reason(request, queryset, SIGN_OUT, describe=str, targets=_people_of)


def _people_of(sessions: list[UserSession]) -> list[User]:
    """Each person once."""
    return list({session.user_id: session.user for session in sessions}.values())
