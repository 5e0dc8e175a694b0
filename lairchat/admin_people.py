"""People on the desk: the list, and a page for each with what all three apps know of them."""

from contextlib import suppress
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import Count, Max, Q, QuerySet
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts import policy, presence
from accounts.actions.sanctions import ban_user, mute_user, suspend_user, warn_user
from accounts.actions.staff import change_role, deactivate_user, reactivate_user
from accounts.actor import Actor
from accounts.admin import LIFT, SIGN_OUT, end_of, in_force, live, person_link, state_of, why_not_act_on
from accounts.models import Sanction, User, UserSession
from accounts.roles import Permission, SiteRole
from lairchat import admin_log
from lairchat.core.admin import EMPTY, ModerationAdmin, Panel, badge, link, list_of, moment, page_of
from lairchat.core.admin_lists import choice, period
from lairchat.core.admin_reason import Act, Pick, lasting
from lairchat.core.text import fold
from rooms.models import Membership, RoomSanction
from rooms.queries import known_to_staff

PANEL_ROWS = 20
MUTES = lasting("1h", "10m", "8h", "24h", "3d", "7d", "28d")
SUSPENSIONS = lasting("24h", "3d", "7d", "14d", "30d")
LONG_SUSPENSIONS = [*SUSPENSIONS, *lasting("90d", "365d")]

WARN = Act(
    title="Warn people",
    run=warn_user,
    effect="They read the warning in the chat. Nothing else changes.",
    refusal=why_not_act_on,
)
MUTE = Act(
    title="Mute people",
    run=mute_user,
    effect="They read everything and write nowhere, on open connections too, until the end.",
    refusal=why_not_act_on,
    ends=MUTES,
)
BAN = Act(
    title="Ban people",
    run=ban_user,
    effect="They are signed out everywhere at once and cannot sign in until the ban is lifted.",
    refusal=why_not_act_on,
    grave=True,
)
DEACTIVATE = Act(
    title="Deactivate accounts",
    run=deactivate_user,
    effect="The accounts have no rights any more; their open chats close at once. Names stay on what they wrote.",
    refusal=why_not_act_on,
    told=False,
    grave=True,
)
REACTIVATE = Act(
    title="Reactivate accounts",
    run=reactivate_user,
    effect="They may sign in again, with the rank they had.",
    refusal=why_not_act_on,
    told=False,
)
CHANGE_RANK = Act(
    title="Change rank",
    run=change_role,
    effect="The new rank holds from the next thing they do. Whoever loses rank is signed out everywhere.",
    refusal=why_not_act_on,
    pick=Pick("role", "New rank", [(role.value, role.value) for role in SiteRole]),
    told=False,
    grave=True,
)


def suspending(actor: Actor) -> Act:
    """Moderators suspend up to 30 days, administrators up to a year."""
    return Act(
        title="Suspend people",
        run=suspend_user,
        effect="They are signed out everywhere at once and cannot sign in until the end.",
        refusal=why_not_act_on,
        ends=LONG_SUSPENSIONS if actor.allows(Permission.SANCTION_BAN) else SUSPENSIONS,
    )


def state_in_words(user: User) -> SafeString:
    """The strictest thing that holds for the account."""
    if not user.is_active:
        return badge("calm", "deactivated")
    if user.banned_at is not None:
        return badge("bad", "banned")
    if user.is_suspended():
        return badge("bad", f"suspended until {_time(user.suspended_until)}")
    if user.is_muted():
        return badge("warn", f"muted until {_time(user.muted_until)}")
    return badge("good", "in good standing")


def _time(at: Any) -> str:
    local = timezone.localtime(at)
    return f"{local:%d %b %H:%M}" if local.year == timezone.localtime().year else f"{local:%d %b %Y}"


def suspended() -> Q:
    return Q(suspended_until__gt=timezone.now())


def muted() -> Q:
    return Q(muted_until__gt=timezone.now())


def in_good_standing() -> Q:
    return Q(is_active=True, banned_at=None) & ~suspended() & ~muted()


def is_online() -> Q:
    return Q(id__in=presence.online_ids())


@admin.register(User)
class PersonAdmin(ModerationAdmin):
    """Everybody with an account."""

    intro = "Everybody with an account on this site."
    empty = "No accounts yet."
    search_fields = ("username_folded",)
    list_filter = (
        choice("rank", "role", {role.value: (role.value, Q(role=role)) for role in SiteRole}),
        choice(
            "state",
            "state",
            {
                "fine": ("in good standing", in_good_standing),
                "muted": ("muted", muted),
                "suspended": ("suspended", suspended),
                "banned": ("banned", Q(banned_at__isnull=False)),
                "off": ("deactivated", Q(is_active=False)),
                "online": ("online now", is_online),
            },
        ),
        period("created_at"),
    )
    actions = ("warn", "mute", "suspend", "ban", "lift", "sign_out", "deactivate", "reactivate", "change_rank")

    def hint(self, request: Any) -> str:
        by_mail = request.actor.allows(Permission.ADDRESSES_SEE)
        return "Name, mail address or id" if by_mail else "Name or id"

    def get_list_display(self, request: Any) -> tuple[str, ...]:
        shown: tuple[str, ...] = ("name", "rank", "state", "joined", "seen")
        if request.actor.allows(Permission.ADDRESSES_SEE):
            shown += ("email",)
        return shown + (("sign_ins",) if request.actor.allows(Permission.SESSIONS_END) else ())

    def find(self, request: Any, queryset: QuerySet, words: str) -> QuerySet:
        found = Q(username_folded__contains=fold(words)) | Q(display_name__icontains=words)
        if request.actor.allows(Permission.ADDRESSES_SEE):
            found |= Q(email__contains=words.lower())
        with suppress(ValueError):
            found |= Q(id=UUID(words))
        return queryset.filter(found)

    def complete(self, request: Any, rows: list[Any]) -> None:
        """Sign-ins in force and when they were last used; one statement."""
        sessions = UserSession.objects.filter(live(), user__in=[user.id for user in rows]).values("user_id")
        found = {row["user_id"]: row for row in sessions.annotate(number=Count("id"), seen=Max("last_seen_at"))}
        online = presence.online_ids()
        for user in rows:
            user.live_sessions = found.get(user.id, {}).get("number", 0)
            user.seen_at = found.get(user.id, {}).get("seen") or user.last_seen_at
            user.is_online = user.id in online

    @admin.display(description="name")
    def name(self, row: User) -> str | SafeString:
        return format_html('{} <span class="desk-second">{}</span>', person_link(row), row.display_name)

    @admin.display(description="rank")
    def rank(self, row: User) -> str | SafeString:
        return badge("calm", row.role) if policy.is_staff_role(row.role) else row.role

    @admin.display(description="state")
    def state(self, row: User) -> SafeString:
        return state_in_words(row)

    @admin.display(description="joined")
    def joined(self, row: User) -> str | SafeString:
        return moment(row.created_at)

    @admin.display(description="last seen")
    def seen(self, row: Any) -> str | SafeString:
        return badge("good", "online now") if row.is_online else moment(row.seen_at)

    @admin.display(description="sign-ins")
    def sign_ins(self, row: Any) -> str | SafeString:
        if not row.live_sessions:
            return EMPTY
        return link(list_of(UserSession, person=row.id, state="live"), row.live_sessions)

    # The page

    def sentence(self, request: Any, row: User) -> str | SafeString:
        """The state with who brought it about: "muted until 20 Nov 2026 14:00 (mona: spam)"."""
        state = state_in_words(row)
        kind = {"banned": "ban", "suspended": "suspend", "muted": "mute"}.get(_first_word(row))
        given = Sanction.objects.filter(in_force(), user=row, kind=kind).select_related("by").order_by("-id").first()
        if kind is None or given is None:
            return state
        by = given.by.username if given.by else "the server"
        return format_html('{} <span class="soft">{}: {}</span>', state, by, given.reason)

    def facts(self, request: Any, row: User) -> list[tuple[str, Any]]:
        facts = [fact for fact in super().facts(request, row) if fact[0] != "State"]
        return [*facts, ("About", row.bio or EMPTY), ("Time zone", row.timezone), ("Id", row.id)]

    def panels(self, request: Any, row: User) -> list[Panel]:
        panels = [self._sanctions(request.actor, row), self._rooms(request.actor, row)]
        if request.actor.allows(Permission.SESSIONS_END):
            panels.append(self._sessions(request.actor, row))
        return [*panels, admin_log.history_panel(request.actor, row, count=admin_log.SHORT)]

    def _sanctions(self, actor: Actor, row: User) -> Panel:
        """Those of the site and of rooms on one time line."""
        site = Sanction.objects.filter(user=row).select_related("by").order_by("-id")[:PANEL_ROWS]
        known = known_to_staff(actor).values("pk")
        in_rooms = RoomSanction.objects.filter(user=row, room__in=known).select_related("by", "room")
        found: list[Any] = sorted(
            [*site, *in_rooms.order_by("-id")[:PANEL_ROWS]], key=lambda one: one.starts_at, reverse=True
        )
        rows = [
            [
                link(page_of(one), moment(one.starts_at)),
                one.get_kind_display(),
                one.room.name if isinstance(one, RoomSanction) else "the whole site",
                end_of(one),
                state_of(one),
                person_link(one.by),
                one.reason,
            ]
            for one in found[:PANEL_ROWS]
        ]
        columns = ("From", "What", "Where", "Until", "State", "By", "Reason")
        return Panel("Sanctions", columns, rows, "Never sanctioned.", list_of(Sanction, person=row.pk))

    def _rooms(self, actor: Actor, row: User) -> Panel:
        known = known_to_staff(actor).filter(deleted_at=None).values("pk")
        found = Membership.objects.filter(user=row, room__in=known).select_related("room").order_by("-id")
        rows = [
            [link(page_of(one.room), one.room), one.room.get_privacy_display(), one.role, moment(one.joined_at)]
            for one in found[:PANEL_ROWS]
        ]
        more = list_of(Membership, person=row.pk)
        columns = ("Room", "Privacy", "Rank there", "Since")
        return Panel("Rooms", columns, rows, "In no room that you may know of.", more)

    def _sessions(self, actor: Actor, row: User) -> Panel:
        found = UserSession.objects.filter(live(), user=row).order_by("-id")[:PANEL_ROWS]
        may_see = actor.allows(Permission.ADDRESSES_SEE)
        rows = [
            [
                one.get_kind_display(),
                one.device or EMPTY,
                moment(one.created_at),
                moment(one.last_seen_at),
                *([one.address or EMPTY] if may_see else []),
            ]
            for one in found
        ]
        columns = ("Kind", "Device", "Started", "Last seen", *(["Address"] if may_see else []))
        return Panel("Sign-ins in force", columns, rows, "Signed in nowhere.", list_of(UserSession, person=row.pk))

    def pointless(self, row: User) -> set[str]:
        return {"deactivate"} if not row.is_active else {"reactivate"}

    # Buttons

    @admin.action(description="Warn…", permissions=["sanction_light"])
    def warn(self, request: Any, queryset: QuerySet) -> Any:
        return self.with_reason(request, queryset, WARN)

    @admin.action(description="Mute…", permissions=["sanction_light"])
    def mute(self, request: Any, queryset: QuerySet) -> Any:
        return self.with_reason(request, queryset, MUTE)

    @admin.action(description="Suspend…", permissions=["sanction_suspend"])
    def suspend(self, request: Any, queryset: QuerySet) -> Any:
        return self.with_reason(request, queryset, suspending(request.actor))

    @admin.action(description="Ban…", permissions=["sanction_ban"])
    def ban(self, request: Any, queryset: QuerySet) -> Any:
        return self.with_reason(request, queryset, BAN)

    @admin.action(description="Lift sanctions…", permissions=["sanction_light"])
    def lift(self, request: Any, queryset: QuerySet) -> Any:
        return self.with_reason(request, queryset, LIFT, describe=_sanction_in_words, targets=_sanctions_in_force)

    @admin.action(description="Sign out everywhere…", permissions=["sessions_end"])
    def sign_out(self, request: Any, queryset: QuerySet) -> Any:
        return self.with_reason(request, queryset, SIGN_OUT)

    @admin.action(description="Deactivate…", permissions=["people_manage"])
    def deactivate(self, request: Any, queryset: QuerySet) -> Any:
        return self.with_reason(request, queryset, DEACTIVATE)

    @admin.action(description="Reactivate…", permissions=["people_manage"])
    def reactivate(self, request: Any, queryset: QuerySet) -> Any:
        return self.with_reason(request, queryset, REACTIVATE)

    @admin.action(description="Change rank…", permissions=["staff_grant"])
    def change_rank(self, request: Any, queryset: QuerySet) -> Any:
        return self.with_reason(request, queryset, CHANGE_RANK)


def _first_word(user: User) -> str:
    """Which of the states holds, by the words of `state_in_words`."""
    if user.banned_at is not None:
        return "banned"
    if user.is_suspended():
        return "suspended"
    return "muted" if user.is_muted() else ""


def _sanctions_in_force(people: list[User]) -> list[Any]:
    return list(Sanction.objects.filter(in_force(), user__in=people).select_related("user", "by").order_by("-id"))


def _sanction_in_words(sanction: Sanction) -> str:
    end = f" until {_time(sanction.ends_at)}" if sanction.ends_at else ""
    return f"{sanction.user.username}: {sanction.get_kind_display()}{end}"
