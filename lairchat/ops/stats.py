"""The server's numbers at this moment, for the desk."""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from django.db import connection
from django.db.models import Q
from django.utils import timezone

from accounts import presence
from accounts.models import LoginAttempt, Sanction, User, UserSession
from chat.models import Message
from lairchat.core import processes
from rooms.models import Room, RoomSanction

HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class ProcessLine:
    name: str
    role: str
    version: str
    sockets: int
    uptime_seconds: int


@dataclass(frozen=True, slots=True)
class Numbers:
    """What the front page shows; counts, nothing about any one person."""

    people: int
    people_today: int
    online: int
    sessions: int
    sockets: int
    rooms: int
    messages_hour: int
    messages_before: int  # in the hour before that
    site_sanctions: int
    room_sanctions: int
    failed_sign_ins: int
    database: str
    database_bytes: int | None
    database_ms: float
    processes: list[ProcessLine]
    at: datetime


def numbers() -> Numbers:
    """Counts over indexes and small tables; the same number of statements whatever their size."""
    now = timezone.now()
    started = time.perf_counter()
    people = User.objects.filter(is_active=True).count()
    database_ms = (time.perf_counter() - started) * 1000
    living = processes.living()
    in_force = Q(lifted_at=None) & (Q(ends_at=None) | Q(ends_at__gt=now))
    messages = Message.objects.filter(kind=Message.Kind.TEXT)
    return Numbers(
        people=people,
        people_today=User.objects.filter(created_at__gt=now - 24 * HOUR).count(),
        online=len(presence.online_ids()),
        sessions=UserSession.objects.filter(ended_at=None, expire_date__gt=now).count(),
        sockets=sum(process.sockets for process in living),
        rooms=Room.objects.filter(kind=Room.Kind.CHANNEL, deleted_at=None).count(),
        messages_hour=messages.filter(created_at__gt=now - HOUR).count(),
        messages_before=messages.filter(created_at__gt=now - 2 * HOUR, created_at__lte=now - HOUR).count(),
        site_sanctions=Sanction.objects.filter(in_force).exclude(kind=Sanction.Kind.WARN).count(),
        room_sanctions=RoomSanction.objects.filter(in_force).exclude(kind=RoomSanction.Kind.WARN).count(),
        failed_sign_ins=LoginAttempt.objects.filter(at__gt=now - HOUR, succeeded=False).count(),
        database={"sqlite": "SQLite", "postgresql": "PostgreSQL"}.get(connection.vendor, connection.vendor),
        database_bytes=_database_bytes(),
        database_ms=round(database_ms, 1),
        processes=[
            ProcessLine(
                name=f"{process.host}:{process.pid}",
                role=process.role,
                version=process.version,
                sockets=process.sockets,
                uptime_seconds=int((now - process.started_at).total_seconds()),
            )
            for process in sorted(living, key=lambda process: process.started_at)
        ],
        at=now,
    )


def _database_bytes() -> int | None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_database_size(current_database())")
            return cursor.fetchone()[0]
    path = Path(str(connection.settings_dict["NAME"]))
    files = [path, path.with_name(path.name + "-wal")]
    return sum(file.stat().st_size for file in files if file.exists()) if path.exists() else None
