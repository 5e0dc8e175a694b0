"""The staff log on the desk: each viewer's part of it, in words."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import Model, Q, QuerySet
from django.utils.safestring import SafeString

from accounts.models import AuditDetail, AuditEntry, Sanction, User, UserSession
from accounts.queries import users_by_ids
from accounts.roles import Permission
from chat.models import Message
from lairchat.core.admin import EMPTY, ModerationAdmin, Panel, badge, link, list_of, moment, page_of
from lairchat.core.admin_lists import Exactly, choice, period
from lairchat.core.text import fold
from rooms.models import Membership, Room, RoomSanction
from rooms.queries import known_to_staff

# What moderators do and what is refused to somebody who tries it; the rest of the log is for administrators.
MODERATION = {
    "user.warn": "warned",
    "user.mute": "muted",
    "user.suspend": "suspended",
    "user.ban": "banned",
    "sanction.lift": "lifted a sanction of",
    "member.warn": "warned in a room",
    "member.kick": "kicked out",
    "member.mute": "muted in the room",
    "member.ban": "banned from the room",
    "member.unban": "let back in",
    "member.unmute": "let speak again",
    "room_sanction.lift": "lifted a room sanction of",
    "message.remove": "removed a message of",
    "message.delete": "deleted a message",
    "room.update": "changed the room",
    "room.archive": "archived",
    "room.unarchive": "took out of the archive",
    "room.delete": "deleted the room",
}
OTHERS = {
    "admin.create": "made an administrator:",
    "role.change": "changed the rank of",
    "member_role.change": "changed the room rank of",
    "ownership.transfer": "handed over the room",
    "user.deactivate": "deactivated",
    "user.reactivate": "reactivated",
    "user_sessions.end": "signed out everywhere:",
    "session.begin": "signed in:",
    "session.end": "ended a sign-in of",
    "password.change": "changed a password:",
}
WORDS = MODERATION | OTHERS
VIA = {
    "rest": "a program",
    "ws": "the chat",
    "tcp": "TCP",
    "web": "a page",
    "admin": "the desk",
    "cli": "the command line",
    "rule": "a rule",
    "system": "the server",
}
PAGES: dict[str, type[Model]] = {"user": User, "room": Room, "message": Message}
NEWEST = 8
SHORT = 20


def entries_seen_by(actor: Any, entries: QuerySet[AuditEntry] | None = None) -> QuerySet[AuditEntry]:
    """All of the log for administrators; for moderators what is moderation, in rooms they may know of."""
    entries = AuditEntry.objects.all() if entries is None else entries
    if actor.allows(Permission.LOG_VIEW):
        return entries
    if not actor.allows(Permission.LOG_VIEW_MODERATION):
        return entries.none()
    known = known_to_staff(actor).values("pk")
    return entries.filter(Q(room_id=None) | Q(room_id__in=known), action__in=MODERATION)


def about(row: Model) -> Q:
    """The entries about a row. A sanction, a member or a sign-in is told by what was done to the person."""
    match row:
        case Room():
            return Q(target_id=str(row.pk)) | Q(room_id=row.pk)
        case Membership() | RoomSanction():
            return Q(room_id=row.room_id, target_id=str(row.user_id)) | Q(target_id=str(row.pk))
        case Sanction() | UserSession():
            return Q(target_id__in=[str(row.user_id), str(row.pk)])
    return Q(target_id=str(row.pk))


def in_words(entry: AuditEntry) -> str:
    return WORDS.get(entry.action, entry.action)


def who(entry: AuditEntry) -> str | SafeString:
    """The name of who acted, as it was then."""
    if entry.actor_id is None and entry.via in ("cli", "system", "rule"):
        return VIA[entry.via]
    detail = _detail(entry)
    name = detail.actor_name if detail else ""
    if entry.actor_id is None:
        return name or "somebody not signed in"
    return link(page_of(User(id=entry.actor_id)), name or "erased")


def target(entry: AuditEntry) -> str | SafeString:
    """What was acted on, as it was called then, leading to its page where there is one."""
    detail = _detail(entry)
    label = (detail.target_label if detail else "") or getattr(entry, "target_name", "")
    model = PAGES.get(entry.target_type)
    if model is None:
        return label or f"{entry.target_type} {entry.target_id}".strip() or EMPTY
    if model is Message:
        label = "a message"
    return link(page_of(model(pk=entry.target_id)), label or entry.target_type)


def where(entry: AuditEntry) -> str | SafeString:
    room = getattr(entry, "room", None)
    return EMPTY if room is None else link(page_of(room), room)


def reason(entry: AuditEntry) -> str:
    detail = _detail(entry)
    return detail.reason if detail else ""


def outcome(entry: AuditEntry) -> SafeString:
    if entry.outcome == "done":
        return badge("calm", "done")
    return badge("bad", f"refused: {entry.outcome.replace('_', ' ')}")


def _shown(value: Any) -> str:
    """Old and new values, one name and value after the other."""
    if isinstance(value, dict):
        return ", ".join(f"{name}: {EMPTY if part is None else part}" for name, part in value.items())
    return EMPTY if value is None else str(value)


def _detail(entry: AuditEntry) -> AuditDetail | None:
    """The erasable half; it may be gone."""
    return getattr(entry, "detail", None)


def complete(entries: Sequence[AuditEntry]) -> None:
    """Names the log keeps as ids only: rooms, and whom a refusal was about; two statements."""
    rooms = Room.objects.exclude(kind=Room.Kind.DIRECT).in_bulk({one.room_id for one in entries if one.room_id})
    for entry in entries:
        entry.room = rooms.get(entry.room_id)  # type: ignore[attr-defined]
    nameless = [entry for entry in entries if entry.target_type == "user" and entry.outcome != "done"]
    ids = {id_ for entry in nameless if (id_ := _uuid(entry.target_id)) is not None}
    people = users_by_ids(ids)
    for entry in nameless:
        person = people.get(_uuid(entry.target_id) or UUID(int=0))
        entry.target_name = person.username if person else ""  # type: ignore[attr-defined]


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _rows(entries: QuerySet[AuditEntry], count: int) -> list[list[Any]]:
    found = list(entries.select_related("detail").order_by("-seq")[:count])
    complete(found)
    return [
        [
            link(page_of(entry), moment(entry.at)),
            who(entry),
            in_words(entry),
            target(entry),
            where(entry),
            reason(entry),
            outcome(entry),
        ]
        for entry in found
    ]


COLUMNS = ("When", "Who", "What", "Whom", "Room", "Reason", "Outcome")


def newest_panel(actor: Any) -> Panel:
    return Panel("Staff log", COLUMNS, _rows(entries_seen_by(actor), NEWEST), "Nothing has happened yet.")


def history_panel(actor: Any, row: Model, *, count: int = 50) -> Panel:
    """The log's lines about a row, newest first."""
    found = entries_seen_by(actor).filter(about(row))
    more = list_of(AuditEntry, target=row.pk)
    return Panel("Staff log", COLUMNS, _rows(found, count), "Staff have done nothing here.", more)


class By(Exactly):
    """Who acted, by id: the log outlives its people."""

    title = "by"
    names = ("actor",)
    field = "actor_id"

    @property
    def name(self) -> str:
        found = users_by_ids([self.id] if self.id else [])
        return next((person.username for person in found.values()), str(self.id))


class Target(By):
    """What was acted on, or where; kept as text, since the log outlives its rows."""

    title = "about"
    names = ("target",)
    field = "target_id"

    @property
    def name(self) -> str:
        actor: Any = self.request.actor  # type: ignore[attr-defined]
        room = known_to_staff(actor).filter(pk=self.id).first() if self.id else None
        return super().name if room is None else str(room)

    def queryset(self, request: Any, queryset: QuerySet) -> QuerySet:
        if self.id is None:
            return queryset.none()
        return queryset.filter(Q(target_id=str(self.id)) | Q(room_id=self.id))


@admin.register(AuditEntry)
class LogAdmin(ModerationAdmin):
    """Who did what to whom. The database refuses to change or delete a line."""

    intro = "Who did what to whom, and what was refused. No line can be changed: each is sealed by the next."
    empty = "Nothing has happened yet."
    counted = ("entry", "entries")
    has_history = False
    search_fields = ("action",)
    search_hint = "A number, an id, or the name of who acted"
    list_display = ("when", "who", "via_in_words", "what", "whom", "where", "came_to", "reason")
    list_select_related = ("detail",)
    list_filter = (
        choice("action", "action", {name: (text, Q(action=name)) for name, text in sorted(WORDS.items())}),
        choice("by way of", "via", {name: (text, Q(via=name)) for name, text in VIA.items()}),
        choice("outcome", "outcome", {"done": ("done", Q(outcome="done")), "refused": ("refused", ~Q(outcome="done"))}),
        period("at"),
        By,
        Target,
    )

    def seen_by(self, actor: Any, queryset: QuerySet) -> QuerySet:
        return entries_seen_by(actor, queryset)

    def find(self, request: Any, queryset: QuerySet, words: str) -> QuerySet:
        if words.lstrip("#").isdecimal() and len(words) < 18:
            return queryset.filter(seq=int(words.lstrip("#")))
        id_ = _uuid(words)
        if id_ is None:
            ids = User.objects.filter(username_folded=fold(words)).values("id")
            return queryset.filter(actor_id__in=ids)
        return queryset.filter(Q(target_id=str(id_)) | Q(actor_id=id_) | Q(room_id=id_))

    def complete(self, request: Any, rows: list[Any]) -> None:
        complete(rows)

    def describe(self, row: AuditEntry) -> str:
        return f"Entry {row.seq}"

    when = admin.display(description="when")(lambda self, row: moment(row.at))
    who = admin.display(description="who")(lambda self, row: who(row))
    via_in_words = admin.display(description="by way of")(lambda self, row: VIA.get(row.via, row.via))
    what = admin.display(description="what")(lambda self, row: in_words(row))
    whom = admin.display(description="whom")(lambda self, row: target(row))
    where = admin.display(description="room")(lambda self, row: where(row))
    came_to = admin.display(description="outcome")(lambda self, row: outcome(row))
    reason = admin.display(description="reason")(lambda self, row: reason(row))

    def facts(self, request: Any, row: AuditEntry) -> list[tuple[str, Any]]:
        detail = _detail(row)
        facts = super().facts(request, row)
        facts += [
            ("Rank then", detail.actor_role if detail else EMPTY),
            ("Action", row.action),
            ("Before", _shown(row.old)),
            ("After", _shown(row.new)),
            ("Request", row.request_id or EMPTY),
            ("Seal", row.hash),
            ("Seal of the line before", row.prev),
        ]
        if request.actor.allows(Permission.ADDRESSES_SEE):
            facts.append(("Address", detail.address if detail and detail.address else EMPTY))
        return facts
