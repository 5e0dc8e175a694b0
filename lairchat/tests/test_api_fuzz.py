"""Whatever is asked of the API, by a user, a site guest or an administrator, the answer is one its description names.

schemathesis makes the requests from the served description, right ones and wrong ones, with ids that exist as often as
not; a real process answers. No 500, and status, content type, headers and body are those described.

A longer run: `LONG_TESTS=20` (so many times as many requests, from a random seed that is printed; `TEST_SEED=…` repeats
one).
"""

import os
import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from lairchat.testing import town
from lairchat.testing.processes import ServerProcess
from lairchat.testing.rest import Rest

pytestmark = pytest.mark.processes

EXAMPLES = 5  # of right requests, and of wrong ones, for each operation
CHECKS: list[Any] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
PASSWORD = "correct horse battery"
# After these the sign-in they were asked with may be gone.
ENDING = {"logout", "end_session", "end_sessions", "change_password", "change_role", "end_user_sessions", "impose"}
FRIENDS = ("owner", "member", "banned", "outside")
REASON = "It has to be like this"


@dataclass
class House:
    port: int
    description: Any
    root: str
    count: int = 0


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    data_dir = tmp_path_factory.mktemp("fuzz")
    place = town.found(data_dir, ["root", "spare"], {}, admins=["root", "spare"])
    with ServerProcess(data_dir, "manage.py", "serve", LAIR_LIMITS="off") as server:
        description = schemathesis.openapi.from_url(f"http://127.0.0.1:{server.port}/openapi.json")
        yield House(server.port, description, place.people["spare"].token)


class Guest:
    """One account of the rank asked for, in rooms with things in them."""

    def __init__(self, house: House, rank: str) -> None:
        self.house, self.rank = house, rank
        house.count += 1
        self.name, self.password = f"{rank}{house.count}", PASSWORD
        self.id, self.token = self.register(self.name)
        if rank != "user":
            self.promote(rank)
        self.sign_in()
        self.friends: dict[str, tuple[str, str]] = {}
        self.ids: dict[str, list[str]] = {}

    def register(self, name: str) -> tuple[str, str]:
        """The id and a token."""
        body = {"username": name, "email": f"{name}@example.org", "password": PASSWORD}
        answer = _made(Rest(self.house.port), "POST", "/auth/register", body)
        return answer["user"]["id"], answer["token"]

    def meet(self) -> None:
        """Other people, because the last ones may be locked out by now."""
        self.friends = {name: self.register(f"{name}{self.house.count}") for name in FRIENDS}

    def promote(self, rank: str) -> None:
        body = {"role": rank, "reason": REASON}
        answer = Rest(self.house.port, self.house.root).call("PUT", f"/admin/users/{self.id}/role", body)
        assert answer.status == 200, answer

    def sign_in(self) -> None:
        body = {"identifier": self.name, "password": self.password}
        answer = Rest(self.house.port).call("POST", "/auth/login", body)
        assert answer.status == 200, answer
        self.token = answer.body["token"]

    def furnish(self) -> None:
        """A room, a message, an invitation, a sanction and so on, whose ids requests may name."""
        house, own = self.house, self.token
        house.count += 1
        if not self.friends:
            self.meet()
        (owner_id, owner_token), (member_id, member_token), (banned_id, _), (outside_id, _) = self.friends.values()
        boss = Rest(house.port, owner_token)
        me = Rest(house.port, own) if self.rank != "guest" else boss
        room = _made(me, "POST", "/rooms", {"name": f"den {house.count}", "privacy": "public"})["room"]["id"]
        hers = _made(boss, "POST", "/rooms", {"name": f"attic {house.count}", "privacy": "private"})["room"]["id"]
        invitation = self.invite(boss, hers, self.id)
        _made(Rest(house.port, own), "POST", f"/invitations/{invitation}/accept", {})
        if self.rank == "guest":
            _made(Rest(house.port, own), "POST", f"/invitations/{self.invite(boss, room, self.id)}/accept", {})
        open_one = _made(boss, "POST", "/rooms", {"name": f"hall {house.count}", "privacy": "protected"})["room"]["id"]
        messages = [
            _made(Rest(house.port, token), "POST", "/messages", _message(where, "hello"))["message"]["id"]
            for token, where in ((own, room), (own, hers), (owner_token, hers))
        ]
        _made(Rest(house.port, member_token), "POST", f"/rooms/{room}/join", {})
        _made(me, "POST", f"/rooms/{room}/mutes", {"user_id": member_id, "reason": REASON, "until": _tomorrow()})
        ban = {"user_id": banned_id, "reason": REASON}
        sanction = _made(me, "POST", f"/rooms/{room}/bans", ban)["sanction"]["id"]
        warned = {"kind": "warn", "reason": REASON}
        staff = Rest(house.port, house.root)
        warning = _made(staff, "POST", f"/admin/users/{member_id}/sanctions", warned)["sanction"]["id"]
        self.ids = {
            "room_id": [room, room, hers, open_one],
            "target_id": [room, hers, owner_id],
            "user_id": [member_id, banned_id, outside_id, self.id],
            "recipient": [member_id, self.id],
            "message_id": messages,
            "reply_to": messages,
            "up_to": messages,
            "invitation_id": [self.invite(boss, open_one, self.id), self.invite(me, room, outside_id), invitation],
            "sanction_id": [sanction, warning],
            "session_id": [_made(Rest(house.port, own), "GET", "/users/me/sessions", None)["sessions"][0]["id"]],
            "emoji": ["👍"],
            # Beside ids: what right requests say, which nobody guesses.
            "reason": [REASON],
            "until": [_tomorrow()],
            "kind": ["warn", "mute", "suspend", "ban"],
            "role": ["member", "moderator", "owner", "user", "admin"],
            "privacy": ["public", "protected", "private"],
            "mode": ["open", "read_only"],
            "notifications": ["all", "mentions", "nothing"],
            "name": [f"barn {house.count}"],
            "content": ["hello"],
            "target_type": ["room", "dm"],
            "identifier": [self.name],
            "password": [self.password],
            "current_password": [self.password],
            "new_password": [PASSWORD, PASSWORD.title()],
        }

    def invite(self, host: Rest, room_id: str, user_id: str) -> str:
        body = {"room_id": room_id, "user_id": user_id}
        return _made(host, "POST", "/invitations", body)["invitation"]["id"]


def _tomorrow() -> str:
    return (datetime.now(UTC) + timedelta(days=1)).isoformat()


def _made(rest: Rest, method: str, path: str, body: Any) -> Any:
    answer = rest.call(method, path, body)
    assert answer.status in (200, 201), (path, answer)
    return answer.body


def _message(room_id: str, content: str) -> dict[str, Any]:
    return {"target": {"type": "room", "room_id": room_id}, "content": content}


def with_real_ids(value: Any, ids: dict[str, list[str]], draw: Any) -> Any:
    """The same, with ids that exist, and other values that mean something, where the name of a field is known."""
    if isinstance(value, dict):
        return {
            name: draw(st.sampled_from(ids[name]))
            if name in ids and isinstance(inner, str)
            else draw(st.lists(st.sampled_from(ids["user_id"]), max_size=3))
            if name == "user_ids"
            else with_real_ids(inner, ids, draw)
            for name, inner in value.items()
        }
    return value


@pytest.mark.parametrize("rank", ["user", "guest", "admin"])
def test_every_answer_is_one_the_description_names(house: House, rank: str) -> None:
    longer = int(os.environ.get("LONG_TESTS", "0"))
    given_seed = os.environ.get("TEST_SEED")
    number = int(given_seed) if given_seed else random.SystemRandom().randrange(2**32)
    if longer or given_seed:
        sys.stderr.write(f"TEST_SEED={number}\n")
    chosen = settings(
        max_examples=EXAMPLES * max(1, longer),
        derandomize=not (longer or given_seed),
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    told = []
    statuses: dict[str, set[int]] = {}
    guest = Guest(house, rank)
    session = requests.Session()
    for found in house.description.get_all_operations():
        operation = found.ok()
        name = operation.definition.raw["operationId"]
        if not guest.ids:
            guest.furnish()
        for mode in GenerationMode:
            ask = _asking(guest, operation, name, mode, session, statuses.setdefault(name, set()))
            ask = chosen(seed(number)(ask) if longer or given_seed else ask)
            try:
                ask()
            except FailureGroup as failures:
                told.append(f"{name}: {failures.exceptions}")
            except Exception as error:
                told.append(f"{name}: {error!r}")
        if name in ENDING:
            guest.sign_in()
            guest.friends.clear()
        if operation.method != "get" and statuses[name] & {200, 201}:
            guest.ids.clear()  # what was changed is made anew
    assert told == [], "\n\n".join(told)
    done = {name for name, seen in statuses.items() if seen & {200, 201}}
    assert len(done) >= {"user": 38, "guest": 20, "admin": 38}[rank], f"only {sorted(done)} did something"


def _asking(guest: Guest, operation: Any, name: str, mode: GenerationMode, session: Any, statuses: set[int]) -> Any:
    @given(case=operation.as_strategy(generation_mode=mode), data=st.data())
    def ask(case: Any, data: st.DataObject) -> None:
        if data.draw(st.integers(0, 3)):
            for part in ("path_parameters", "query", "body"):
                setattr(case, part, with_real_ids(getattr(case, part), guest.ids, data.draw))
        headers = {"Authorization": f"Bearer {guest.token}"}
        response = case.call(f"http://127.0.0.1:{guest.house.port}", session=session, headers=headers)
        statuses.add(response.status_code)
        if name == "change_password" and response.status_code == 200:
            guest.password = case.body["new_password"]
            guest.ids |= {"password": [guest.password], "current_password": [guest.password]}
        if name in ENDING:
            guest.sign_in()
        case.validate_response(response, checks=CHECKS)

    return ask
