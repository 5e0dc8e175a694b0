"""What an act says when SQLite cannot serve."""

import sqlite3
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.conf import settings
from django.db import OperationalError, connection

from lairchat.core import log
from lairchat.core.action import action
from lairchat.core.errors import Busy
from lairchat.testing import stack
from lairchat.testing.processes import ROOT

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass
class Somebody:
    limit_key = "somebody"


@action
def ring(actor: Somebody) -> str:
    """Touch a row."""
    log.take("site")
    return "rang"


@pytest.mark.promise("F5")
def test_a_database_that_stays_locked_is_busy() -> None:
    """Another program holds the write lock for longer than anybody waits."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout = 50")
    other = sqlite3.connect(settings.DATABASES["default"]["NAME"], isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Busy) as refused:
            ring(Somebody())
        assert isinstance(refused.value.__cause__, OperationalError)
        other.execute("ROLLBACK")
        assert ring(Somebody()) == "rang"
    finally:
        other.close()
        connection.close()


FILLER = """
import os
os.environ["DJANGO_SETTINGS_MODULE"] = "lairchat.settings"
import django
django.setup()
from django.db import connection
from accounts.actor import Actor
from accounts.models import User
from chat.actions.messages import send_message
from chat.models import Message
from lairchat.core.errors import StorageFull
from rooms.actions.rooms import create_room
user = User.objects.create(username="a", username_folded="a", email="a@example.org", password="!")
actor = Actor(user, "cli")
room = create_room(actor, "den").room
with connection.cursor() as cursor:
    cursor.execute("PRAGMA page_count")
    pages = cursor.fetchone()[0]
    cursor.execute(f"PRAGMA max_page_count = {pages + 20}")
sent = 0
try:
    while sent < 10_000:
        send_message(actor, room.id, "x" * 4000)
        sent += 1
except StorageFull:
    assert sent and Message.objects.count() == sent, (sent, Message.objects.count())
    print("full")
"""


@pytest.mark.promise("F6")
def test_a_full_storage_is_said_and_what_was_acknowledged_stays(tmp_path: Path) -> None:
    given = stack.environment(tmp_path, LAIR_LIMITS="off")
    subprocess.run([sys.executable, "manage.py", "migrate", "-v", "0"], env=given, cwd=ROOT, check=True)
    done = subprocess.run([sys.executable, "-c", FILLER], env=given, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip()) == (0, "full"), done.stderr
