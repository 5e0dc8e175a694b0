"""People, sign-ins and rooms for a server that runs in a process of its own.

Run as a program it fills the database of `LAIR_DATA_DIR` and prints what tests and measurements need to know of it:
`python -m lairchat.testing.town '{"people": ["alice", "bob"], "rooms": {"den": ["alice", "bob"]}}'`.
"""

import json
import os
import subprocess
import sys
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lairchat.testing import stack

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Person:
    """Somebody with an account, and two sign-ins: a program's token and a browser's cookie."""

    id: str
    name: str
    token: str
    cookie: str


@dataclass(frozen=True)
class Town:
    people: dict[str, Person]
    rooms: dict[str, str]  # the id of each, by name
    password: str  # everybody's


def found(
    data_dir: Path,
    people: list[str],
    rooms: dict[str, list[str]],
    *,
    privacy: str = "private",
    admins: Collection[str] = (),
    **environment: str,
) -> Town:
    """Make a database in `data_dir`, or add to the one there, before or beside its server.

    The first person named for a room owns it.
    """
    given = stack.environment(data_dir, **({"LAIR_LIMITS": "off"} | environment))
    wish = json.dumps({"people": people, "rooms": rooms, "privacy": privacy, "admins": list(admins)})
    command = [sys.executable, "-m", "lairchat.testing.town", wish]
    done = subprocess.run(command, env=given, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout.splitlines()[-1])
    return Town({name: Person(**values) for name, values in facts["people"].items()}, facts["rooms"], facts["password"])


def fill(wish: dict[str, Any]) -> dict[str, Any]:
    """Make the people and rooms in the database of this process's settings, its tables first where they are missing."""
    from django.core.management import call_command

    call_command("migrate", verbosity=0)

    from accounts.models import User
    from accounts.roles import SiteRole
    from accounts.tokens import session_token
    from lairchat.testing import cast
    from rooms.actions.rooms import create_room

    actors, people = {}, {}
    for name in wish["people"]:
        known = User.objects.filter(username=name).first()
        role = SiteRole.ADMIN if name in wish.get("admins", ()) else SiteRole.USER
        actor = actors[name] = cast.signed_in(known) if known else cast.person(name, role)
        cookie = _browser_session(actor.person)
        token = session_token(_session(actor), actor.person)
        people[name] = {"id": str(actor.person.id), "name": name, "token": token, "cookie": cookie}
    rooms = {}
    for name, members in wish["rooms"].items():
        owner, *guests = (actors[member] for member in members)
        room = create_room(owner, name, privacy=wish.get("privacy", "private")).room
        cast.bring_in(owner, room, *guests)
        rooms[name] = str(room.id)
    return {"people": people, "rooms": rooms, "password": cast.PASSWORD}


def _session(actor: Any) -> Any:
    from accounts.models import UserSession

    return UserSession.objects.get(pk=actor.session_id)


def _browser_session(user: Any) -> str:
    from django.utils import timezone

    from accounts import sessions
    from accounts.models import UserSession

    value = sessions.new_cookie_value()
    UserSession.objects.create(
        user=user,
        kind=UserSession.Kind.WEB,
        session_key=sessions.stored_key(value),
        expire_date=timezone.now() + sessions.LIFETIMES[UserSession.Kind.WEB],
    )
    return value


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lairchat.settings")
    import django

    django.setup()
    sys.stdout.write(json.dumps(fill(json.loads(sys.argv[1]))) + "\n")
