"""The page of the browser client: a shell with its first data inside, so that the first paint asks for nothing."""

from typing import Any
from uuid import UUID

import msgspec
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.shortcuts import redirect, render
from django.utils.http import urlencode
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.actor import Actor
from chat import queries
from chat.commands import get_sidebar
from chat.shapes import HistoryAnswer, SidebarAnswer
from lairchat.core.commands import Nothing
from lairchat.core.errors import DomainError
from lairchat.core.ids import parse_uuid
from lairchat.static import build_id

PAGE = 50
_ESCAPES = {ord("<"): "\\u003C", ord(">"): "\\u003E", ord("&"): "\\u0026"}


@require_safe
@never_cache
def app(request: HttpRequest, room_id: str | None = None, message_id: str | None = None, **path: str) -> HttpResponse:
    """The client at any of its addresses; somebody not signed in is sent to the sign-in page and comes back."""
    actor: Actor | None = request.actor  # type: ignore[attr-defined]
    if actor is None:
        return redirect(f"/login?{urlencode({'next': request.path})}")
    sidebar = get_sidebar(actor, Nothing())
    room = _room_to_show(sidebar, room_id, at_home=request.path == "/")
    boot = {
        "me": sidebar.me,
        "sidebar": sidebar,
        "room_id": room,
        "page": _page(actor, room, parse_uuid(message_id)),
        "build": build_id(),
        "csrf": get_token(request),
    }
    return render(request, "chat/app.html", {"boot_json": as_data(boot), "build": build_id()})


def _room_to_show(sidebar: SidebarAnswer, asked: str | None, *, at_home: bool) -> UUID | None:
    if asked is not None:
        return parse_uuid(asked)
    if not at_home or not sidebar.rooms:
        return None
    latest = max(sidebar.rooms, key=lambda item: item.last_message_at or item.room.created_at)
    return latest.room.id


def _page(actor: Actor, room_id: UUID | None, message_id: UUID | None) -> HistoryAnswer | None:
    """The newest page of the room, or the one around a message; None where there is nothing they may read."""
    if room_id is None:
        return None
    try:
        around = None if message_id is None else queries.readable_message(actor, message_id).seq
        return queries.history(actor, room_id, queries.Window(PAGE, around=around))
    except DomainError:
        return None


def as_data(value: Any) -> SafeString:
    """JSON that can stand in a `<script type="application/json">` without ending it."""
    text = msgspec.json.encode(value).decode().translate(_ESCAPES)
    return mark_safe(text)  # noqa: S308  every sign that means something to HTML was escaped
