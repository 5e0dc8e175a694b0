"""Messages of public rooms on the desk; what is said elsewhere is not shown to staff (rights, note 4)."""

from contextlib import suppress
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import Count, F, Q, QuerySet
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.actor import Actor
from accounts.admin import person_link
from accounts.models import User
from chat.actions.messages import delete_message
from chat.models import Message, Revision
from lairchat.core.admin import EMPTY, ModerationAdmin, badge, link, moment, page_of
from lairchat.core.admin_lists import choice, exactly, period
from lairchat.core.admin_reason import Act
from lairchat.core.text import fold
from rooms.models import Room

EXCERPT = 160
WORDS_IN = 20_000  # words are looked for in so many of the newest messages


def public_messages(messages: QuerySet[Message]) -> QuerySet[Message]:
    """What anybody could read by joining: of a room that was private once, only what came after (rights, note 14)."""
    public = Q(room__kind=Room.Kind.CHANNEL, room__privacy=Room.Privacy.PUBLIC, room__deleted_at=None)
    return messages.filter(public, kind=Message.Kind.TEXT, seq__gt=F("room__opened_seq"))


def why_not_remove(actor: Actor, message: Message) -> str:
    return "it is removed already" if message.deleted_at is not None else ""


REMOVE = Act(
    title="Remove messages",
    run=delete_message,
    effect="Everybody sees at once that a message was removed, and not what it said.",
    refusal=why_not_remove,
    told=False,
)


@admin.register(Message)
class MessageAdmin(ModerationAdmin):
    """What is said in public rooms."""

    intro = (
        "Messages of public rooms. What is said in protected, private and direct ones is not shown to staff. "
        f"Words are looked for in the newest {WORDS_IN:,} messages."
    )
    empty = "Nothing has been said in a public room yet."
    search_fields = ("content",)
    search_hint = "A name, an id or words"
    list_display = ("when", "in_room", "author_name", "text", "edits", "state")
    list_select_related = ("room", "author")
    list_filter = (
        choice(
            "state",
            "state",
            {
                "shown": ("shown", Q(deleted_at=None)),
                "edited": ("edited", Q(edited_at__isnull=False, deleted_at=None)),
                "removed": ("removed", Q(deleted_at__isnull=False)),
            },
        ),
        period("created_at"),
        exactly("person", "person", "author"),
        exactly("room", "room", "room"),
    )
    actions = ("remove",)

    def seen_by(self, actor: Any, queryset: QuerySet) -> QuerySet:
        return public_messages(queryset)

    def find(self, request: Any, queryset: QuerySet, words: str) -> QuerySet:
        with suppress(ValueError):
            return queryset.filter(pk=UUID(words))
        authors = list(User.objects.filter(username_folded=fold(words)).values_list("id", flat=True))
        public = Room.objects.filter(name_folded=fold(words), privacy=Room.Privacy.PUBLIC)
        rooms = list(public.values_list("id", flat=True))
        if authors or rooms:
            return queryset.filter(Q(author__in=authors) | Q(room__in=rooms))
        newest = Message.objects.order_by("-created_at").values("pk")[:WORDS_IN]
        return queryset.filter(pk__in=newest, content__icontains=words)

    def complete(self, request: Any, rows: list[Any]) -> None:
        """How often each was edited; one statement."""
        counted = Revision.objects.filter(message__in=[row.pk for row in rows]).order_by().values_list("message")
        edits = dict(counted.annotate(Count("id")))
        for row in rows:
            row.edit_count = edits.get(row.pk, 0) - (1 if row.deleted_at else 0)  # a removal keeps the last text too

    def describe(self, row: Message) -> str:
        author = row.author.username if row.author else "somebody"
        return f"{author} in {row.room}, {timezone.localtime(row.created_at):%d %b %Y %H:%M}"

    def excerpt(self, row: Message) -> str:
        return shortened(row.content)

    @admin.display(description="when")
    def when(self, row: Message) -> SafeString:
        return link(page_of(row), moment(row.created_at))

    @admin.display(description="room")
    def in_room(self, row: Message) -> SafeString:
        return link(page_of(row.room), row.room)

    @admin.display(description="person")
    def author_name(self, row: Message) -> str | SafeString:
        return person_link(row.author)

    @admin.display(description="text")
    def text(self, row: Message) -> str | SafeString:
        if row.deleted_at is not None:
            return format_html('<span class="soft">{}</span>', "removed")
        return format_html('<span class="said">{}</span>', shortened(row.content))

    @admin.display(description="edits")
    def edits(self, row: Any) -> str | int:
        return row.edit_count if row.edit_count > 0 else EMPTY

    @admin.display(description="state")
    def state(self, row: Message) -> str | SafeString:
        if row.deleted_at is not None:
            return badge("calm", "removed")
        return badge("calm", "edited") if row.edited_at is not None else EMPTY

    def facts(self, request: Any, row: Message) -> list[tuple[str, Any]]:
        facts = [fact for fact in super().facts(request, row) if fact[0] != "Text"]
        whole = EMPTY if row.deleted_at else format_html('<span class="said said-whole">{}</span>', row.content)
        return [("Text", whole), *facts, ("Edited", moment(row.edited_at)), ("Position", row.seq), ("Id", row.pk)]

    @admin.action(description="Remove…", permissions=["message_remove"])
    def remove(self, request: Any, queryset: QuerySet) -> Any:
        return self.with_reason(request, queryset, REMOVE)


def shortened(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= EXCERPT else f"{flat[: EXCERPT - 1]}…"
