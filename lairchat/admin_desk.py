"""The front page of the desk: the server's numbers now, and the newest lines of the staff log."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.response import TemplateResponse

from accounts.models import AuditEntry, Sanction, User
from accounts.roles import Permission
from chat.models import Message
from lairchat import admin_log
from lairchat.core.admin import list_of
from lairchat.ops.stats import Numbers, ProcessLine, numbers
from rooms.models import Room, RoomSanction


@dataclass(frozen=True, slots=True)
class Tile:
    """One number: `id` is where the script puts the next one."""

    id: str
    label: str
    value: str
    note: str = ""
    url: str = ""
    is_alarming: bool = False


def front_page(site: AdminSite) -> Callable[[HttpRequest], HttpResponse]:
    """The view of /admin/: whole without a script, which only refreshes the numbers."""

    def front(request: Any) -> HttpResponse:
        now = numbers()
        context = {
            **site.each_context(request),
            "title": "Overview",
            "is_front": True,
            "tiles": tiles(now, request.actor),
            "processes": [process_row(process) for process in now.processes],
            "log": admin_log.newest_panel(request.actor),
            "log_url": list_of(AuditEntry),
        }
        return TemplateResponse(request, "admin/index.html", context)

    return front


def live_numbers(request: Any) -> HttpResponse:
    """The same numbers for the script."""
    now = numbers()
    shown = {tile.id: {"value": tile.value, "note": tile.note} for tile in tiles(now, request.actor)}
    return JsonResponse({"tiles": shown, "processes": [process_row(process) for process in now.processes]})


def tiles(now: Numbers, actor: Any) -> list[Tile]:
    """The numbers as the page words them; sign-in failures and the database are for administrators."""
    in_force = now.site_sanctions + now.room_sanctions
    shown = [
        Tile("people", "People", f"{now.people:,}", f"{now.people_today:,} new in 24 hours", list_of(User)),
        Tile("online", "Online now", f"{now.online:,}", f"{now.sockets:,} open sockets"),
        Tile(
            "messages",
            "Messages in the last hour",
            f"{now.messages_hour:,}",
            f"{now.messages_before:,} the hour before",
            list_of(Message),
        ),
        Tile("rooms", "Rooms", f"{now.rooms:,}", "", list_of(Room)),
        Tile(
            "sanctions",
            "Sanctions in force",
            f"{in_force:,}",
            f"{now.site_sanctions:,} on the site, {now.room_sanctions:,} in rooms",
            list_of(Sanction, state="force") if now.site_sanctions else list_of(RoomSanction, state="force"),
        ),
    ]
    if actor.allows(Permission.STATS_VIEW):
        size = "" if now.database_bytes is None else size_in_words(now.database_bytes)
        shown += [
            Tile("failures", "Failed sign-ins in the last hour", f"{now.failed_sign_ins:,}"),
            Tile("sessions", "Sign-ins in force", f"{now.sessions:,}"),
            Tile("database", now.database, size, f"answers in {now.database_ms} ms"),
        ]
    return shown


def process_row(process: ProcessLine) -> list[str]:
    """Name, role, version, sockets, uptime."""
    return [process.name, process.role, process.version, f"{process.sockets:,}", time_in_words(process.uptime_seconds)]


def size_in_words(size: int) -> str:
    value = float(size)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} TiB"


def time_in_words(seconds: int) -> str:
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86_400
    if days:
        return f"{days} d {hours % 24} h"
    if hours:
        return f"{hours} h {minutes % 60} min"
    return f"{minutes} min {seconds % 60} s"
