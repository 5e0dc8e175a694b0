"""Rooms, their members and their sanctions on the desk. Direct conversations are nobody's business here."""

from contextlib import suppress
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.safestring import SafeString

from accounts.actor import Actor
from accounts.admin import STATES, SanctionShapeAdmin, person_link, why_not_act_on
from accounts.roles import Permission
from lairchat.core.admin import EMPTY, ModerationAdmin, Panel, badge, link, list_of, moment, page_of
from lairchat.core.admin_lists import choice, exactly, period
from lairchat.core.admin_reason import NO_END, Act, Pick, lasting
from lairchat.core.text import fold
from rooms import policy
from rooms.actions.memberships import transfer_ownership
from rooms.actions.rooms import archive_room, delete_room, unarchive_room, update_room
from rooms.actions.sanctions import ban_member, kick_member, lift_room_sanction, mute_member
from rooms.models import Membership, Room, RoomSanction
from rooms.queries import active_owner_rooms, known_to_staff, member_counts
from rooms.roles import RoomRole

PANEL_ROWS = 20
MUTES = lasting("1h", "10m", "8h", "24h", "3d", "7d", "28d")
BANS = [*lasting("24h", "7d", "30d"), (NO_END, "Never: until lifted")]


def room_link(room: Room) -> SafeString:
    return link(page_of(room), room)


def why_not_in(actor: Actor, room: Room, permission: Permission) -> str:
    """What keeps this actor from acting in the room by site rank."""
    if room.deleted_at is not None:
        return "the room is deleted"
    return "" if policy.is_room_staff(actor, room, permission) else "not in this room"


def why_not_set_mode(actor: Actor, room: Room) -> str:
    return why_not_in(actor, room, Permission.ROOM_MODE) or ("it is archived" if room.is_closed() else "")


def why_not_manage(actor: Actor, room: Room) -> str:
    return why_not_in(actor, room, Permission.ROOM_MANAGE)


MODE = Act(
    title="Change mode",
    run=lambda actor, room_id, *, mode, reason: update_room(actor, room_id, mode=mode, reason=reason),
    effect="In a read-only room only its moderators and owners write. It holds at once, on open connections too.",
    refusal=why_not_set_mode,
    pick=Pick("mode", "Mode", Room.Mode.choices),
    told=False,
)
ARCHIVE = Act(
    title="Archive rooms",
    run=archive_room,
    effect="The rooms can be read; nothing more is written in them.",
    refusal=why_not_manage,
    told=False,
)
UNARCHIVE = Act(
    title="Take out of the archive",
    run=unarchive_room,
    effect="People may write in the rooms again.",
    refusal=why_not_manage,
    told=False,
)
DELETE = Act(
    title="Delete rooms",
    run=delete_room,
    effect="The rooms end for everybody in them at once, with all that was written there.",
    refusal=why_not_manage,
    told=False,
    grave=True,
)


def _archived() -> Q:
    return Q(archived_at__isnull=False) | Q(expires_at__lte=timezone.now())


@admin.register(Room)
class RoomAdmin(ModerationAdmin):
    """Channels and system rooms: name and counts, never content."""

    intro = "Channels and system rooms. Direct conversations are not shown; private channels only to administrators."
    empty = "No rooms yet."
    search_fields = ("name_folded",)
    search_hint = "A name or an id"
    list_display = ("name", "privacy", "state", "members", "owned_by", "mode", "topic", "created")
    list_select_related = ("owner",)
    list_filter = (
        choice("kind", "kind", {kind.value: (str(kind.label), Q(kind=kind)) for kind in Room.Kind if kind != "direct"}),
        choice("privacy", "privacy", {one.value: (str(one.label), Q(privacy=one)) for one in Room.Privacy}),
        choice("mode", "mode", {mode.value: (str(mode.label), Q(mode=mode)) for mode in Room.Mode}),
        choice(
            "state",
            "state",
            {
                "open": ("open", lambda: Q(deleted_at=None) & ~_archived()),
                "archived": ("archived", lambda: Q(deleted_at=None) & _archived()),
                "orphaned": ("without an owner", Q(owner=None, deleted_at=None)),
                "deleted": ("deleted", Q(deleted_at__isnull=False)),
            },
        ),
        period("created_at"),
    )
    actions = ("set_mode", "archive", "unarchive", "delete")

    def seen_by(self, actor: Any, queryset: QuerySet) -> QuerySet:
        return queryset.filter(pk__in=known_to_staff(actor).values("pk"))

    def find(self, request: Any, queryset: QuerySet, words: str) -> QuerySet:
        found = Q(name_folded__contains=fold(words))
        with suppress(ValueError):
            found |= Q(id=UUID(words))
        return queryset.filter(found)

    def complete(self, request: Any, rows: list[Any]) -> None:
        """Members of each room; one statement."""
        counts = member_counts([room.id for room in rows])
        for room in rows:
            room.member_count = counts[room.id]

    @admin.display(description="state")
    def state(self, row: Room) -> SafeString:
        if row.deleted_at is not None:
            return badge("calm", "deleted")
        if row.is_closed():
            return badge("calm", "archived")
        return badge("good", "open")

    @admin.display(description="members")
    def members(self, row: Any) -> SafeString:
        return link(list_of(Membership, room=row.id), f"{row.member_count:,}")

    @admin.display(description="owner")
    def owned_by(self, row: Room) -> str | SafeString:
        return person_link(row.owner) if row.owner else badge("warn", "none")

    @admin.display(description="created")
    def created(self, row: Room) -> str | SafeString:
        return moment(row.created_at)

    def facts(self, request: Any, row: Room) -> list[tuple[str, Any]]:
        return [
            *super().facts(request, row),
            ("Description", row.description or EMPTY),
            ("Kind", row.get_kind_display()),
            ("At most", f"{row.max_members:,} members" if row.max_members else EMPTY),
            ("Ends", moment(row.expires_at)),
            ("Id", row.id),
        ]

    def panels(self, request: Any, row: Room) -> list[Panel]:
        leading = Membership.objects.filter(room=row, role__in=[RoomRole.OWNER, RoomRole.MODERATOR])
        people = [
            [person_link(one.user), one.role, moment(one.joined_at)]
            for one in leading.select_related("user").order_by("-role", "id")[:PANEL_ROWS]
        ]
        members = list_of(Membership, room=row.id)
        sanctions = RoomSanction.objects.filter(room=row).select_related("user").order_by("-id")[:PANEL_ROWS]
        done = [
            [link(page_of(one), moment(one.starts_at)), person_link(one.user), one.get_kind_display(), one.reason]
            for one in sanctions
        ]
        return [
            Panel("Who leads it", ("Person", "Rank", "Since"), people, "Nobody does.", members),
            Panel(
                "Sanctions",
                ("From", "Person", "What", "Reason"),
                done,
                "None in this room.",
                list_of(RoomSanction, room=row.id),
            ),
        ]

    def pointless(self, row: Room) -> set[str]:
        if row.deleted_at is not None:
            return set(self.actions)
        return {"archive"} if row.archived_at is not None else {"unarchive"}

    @admin.action(description="Change mode…", permissions=["room_mode"])
    def set_mode(self, request: Any, queryset: QuerySet) -> Any:
        return self.with_reason(request, queryset, MODE)

    @admin.action(description="Archive…", permissions=["room_manage"])
    def archive(self, request: Any, queryset: QuerySet) -> Any:
        return self.with_reason(request, queryset, ARCHIVE)

    @admin.action(description="Unarchive…", permissions=["room_manage"])
    def unarchive(self, request: Any, queryset: QuerySet) -> Any:
        return self.with_reason(request, queryset, UNARCHIVE)

    @admin.action(description="Delete…", permissions=["room_manage"])
    def delete(self, request: Any, queryset: QuerySet) -> Any:
        return self.with_reason(request, queryset, DELETE)


def why_not_sanction(actor: Actor, row: Any) -> str:
    """Of a membership or a room sanction."""
    reason = why_not_in(actor, row.room, Permission.SANCTION_LIGHT)
    return reason or why_not_act_on(actor, row.user)


def why_not_lift(actor: Actor, row: RoomSanction) -> str:
    if row.kind in (RoomSanction.Kind.WARN, RoomSanction.Kind.KICK) or not row.is_in_force():
        return "it is over already"
    return why_not_sanction(actor, row)


def why_not_own(actor: Actor, row: Any) -> str:
    """Staff give a room an owner only where no active one is left (rights, note 13)."""
    return why_not_manage(actor, row.room) or ("the room has an owner" if row.room_has_owner else "")


def _member(row: Any) -> tuple[UUID, UUID]:
    return row.room_id, row.user_id


KICK = Act(
    title="Kick out of the room",
    run=kick_member,
    effect="They leave the room at once, in open chats too. They may come back.",
    ids=_member,
    refusal=why_not_sanction,
)
MUTE = Act(
    title="Mute in the room",
    run=mute_member,
    effect="They read in this room and write nothing there until the end. Leaving and coming back does not end it.",
    ids=_member,
    refusal=why_not_sanction,
    ends=MUTES,
)
BAN = Act(
    title="Ban from the room",
    run=ban_member,
    effect="They leave the room at once, in open chats too, and cannot come back until the end.",
    ids=_member,
    refusal=why_not_sanction,
    ends=BANS,
)
OWN = Act(
    title="Make owner",
    run=transfer_ownership,
    effect="They own the room and decide about it. Only rooms without an active owner get one from here.",
    ids=_member,
    refusal=why_not_own,
    told=False,
)


@admin.register(Membership)
class MembershipAdmin(ModerationAdmin):
    """Who is in which room."""

    title = "Members"
    intro = "Who is in which room, with which rank."
    empty = "Nobody is in a room yet."
    counted = ("member", "members")
    search_fields = ("role",)
    search_hint = "A person's or a room's name"
    list_display = ("person", "in_room", "role", "state", "joined")
    list_select_related = ("user", "room")
    list_filter = (
        choice("rank", "role", {role.value: (role.value, Q(role=role)) for role in RoomRole}),
        choice("state", "state", {"muted": ("muted there", lambda: Q(muted_until__gt=timezone.now()))}),
        period("joined_at"),
        exactly("person", "person", "user"),
        exactly("room", "room", "room"),
    )
    actions = ("kick", "mute", "ban", "make_owner")

    def seen_by(self, actor: Any, queryset: QuerySet) -> QuerySet:
        return queryset.filter(room__in=known_to_staff(actor).filter(deleted_at=None).values("pk"))

    def find(self, request: Any, queryset: QuerySet, words: str) -> QuerySet:
        folded = fold(words)
        return queryset.filter(Q(user__username_folded__contains=folded) | Q(room__name_folded__contains=folded))

    def complete(self, request: Any, rows: list[Any]) -> None:
        """Whether each row's room has an active owner; one statement."""
        owned = active_owner_rooms([row.room_id for row in rows])
        for row in rows:
            row.room_has_owner = row.room_id in owned

    def describe(self, row: Membership) -> str:
        return f"{row.user.username} in {row.room}"

    @admin.display(description="person")
    def person(self, row: Membership) -> str | SafeString:
        return person_link(row.user)

    @admin.display(description="room")
    def in_room(self, row: Membership) -> SafeString:
        return room_link(row.room)

    @admin.display(description="state")
    def state(self, row: Membership) -> str | SafeString:
        if not row.is_muted():
            return EMPTY
        return badge("warn", f"muted until {timezone.localtime(row.muted_until):%d %b %Y %H:%M}")

    @admin.display(description="since")
    def joined(self, row: Membership) -> str | SafeString:
        return moment(row.joined_at)

    @admin.action(description="Kick…", permissions=["sanction_light"])
    def kick(self, request: Any, queryset: QuerySet) -> Any:
        return self.with_reason(request, queryset, KICK)

    @admin.action(description="Mute…", permissions=["sanction_light"])
    def mute(self, request: Any, queryset: QuerySet) -> Any:
        return self.with_reason(request, queryset, MUTE)

    @admin.action(description="Ban…", permissions=["sanction_light"])
    def ban(self, request: Any, queryset: QuerySet) -> Any:
        return self.with_reason(request, queryset, BAN)

    @admin.action(description="Make owner…", permissions=["room_manage"])
    def make_owner(self, request: Any, queryset: QuerySet) -> Any:
        return self.with_reason(request, queryset, OWN)


LIFT = Act(
    title="Lift room sanctions",
    run=lift_room_sanction,
    effect="They may do again in that room what the sanction kept them from. The row stays.",
    refusal=why_not_lift,
    told=False,
)


@admin.register(RoomSanction)
class RoomSanctionAdmin(SanctionShapeAdmin):
    """What rooms' moderators, or staff, did to people in one room."""

    intro = "Kicks, mutes and bans in single rooms, by their moderators or by staff."
    empty = "Nobody has been sanctioned in a room yet."
    search_fields = ("reason",)
    search_hint = "A person's or a room's name, or words of the reason"
    list_display = ("person", "in_room", "what", "state", "start", "end", "given_by", "reason")
    list_select_related = ("user", "room", "by", "lifted_by")
    list_filter = (
        choice("state", "state", STATES),
        choice("kind", "kind", {kind.value: (str(kind.label), Q(kind=kind)) for kind in RoomSanction.Kind}),
        period("starts_at"),
        exactly("person", "person", "user"),
        exactly("room", "room", "room"),
    )
    actions = ("lift",)

    def seen_by(self, actor: Any, queryset: QuerySet) -> QuerySet:
        return queryset.filter(room__in=known_to_staff(actor).values("pk"))

    def find(self, request: Any, queryset: QuerySet, words: str) -> QuerySet:
        folded = fold(words)
        by_name = Q(user__username_folded__contains=folded) | Q(room__name_folded__contains=folded)
        return queryset.filter(by_name | Q(reason__icontains=words))

    def describe(self, row: RoomSanction) -> str:
        return f"{super().describe(row)} in {row.room}"

    @admin.display(description="room")
    def in_room(self, row: RoomSanction) -> SafeString:
        return room_link(row.room)

    @admin.action(description="Lift…", permissions=["sanction_light"])
    def lift(self, request: Any, queryset: QuerySet) -> Any:
        return self.with_reason(request, queryset, LIFT)
