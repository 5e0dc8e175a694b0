"""Guarantees, section 3: two processes count as one, from the moment the second answers, with Redis and without."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from lairchat.testing import stack, town
from lairchat.testing.processes import ServerProcess
from lairchat.testing.redis import RedisServer
from lairchat.testing.rest import Answer, Rest

pytestmark = pytest.mark.processes

LIMIT, MANY = 20, 50
COUNTED = ("SEND", "REACTIONS", "EDITS", "LOGIN", "REGISTER", "INVITATIONS", "ROOMS")
# So many in an hour: no window ends while the test runs. What counts everything is out of the way.
WINDOWS = {f"LAIR_LIMITS_{name}": f"{LIMIT}/3600" for name in COUNTED}
WIDE = {f"LAIR_LIMITS_{name}": "100000/1" for name in ("ACCOUNT", "ADDRESS")}
ROOM_LIMIT = 45  # more than two people say in the den
CROWD = [f"carol{number}" for number in range(5)]


@dataclass
class City:
    ports: list[int]
    place: town.Town

    def rest(self, name: str | None, number: int) -> Rest:
        return Rest(self.ports[number % 2], None if name is None else self.place.people[name].token)


@pytest.fixture(scope="module", params=["without Redis", "with Redis"])
def city(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    data_dir = tmp_path_factory.mktemp("limits")
    stack.settle(data_dir, stack.database_url(data_dir))  # a Redis only where it is said below
    place = town.found(data_dir, ["alice", "bob", *CROWD], {"den": ["alice", "bob"], "attic": CROWD})
    with ExitStack() as running:
        given = WINDOWS | WIDE | {"LAIR_LIMITS_ROOM_SEND": f"{ROOM_LIMIT}/3600"}
        if request.param == "with Redis":
            given["LAIR_REDIS_URL"] = running.enter_context(RedisServer(Path(data_dir))).url
        servers = [running.enter_context(ServerProcess(data_dir, "manage.py", "serve", **given)) for _ in range(2)]
        yield City([server.port for server in servers], place)


Act = Callable[[City, str, int], Answer]


def send(city: City, name: str, number: int) -> Answer:
    return city.rest(name, number).send_message(city.place.rooms["den"], f"number {number}")


def edit(city: City, name: str, number: int) -> Answer:
    return city.rest(name, number).call("PATCH", f"/messages/{_message(city, name)}", {"content": f"number {number}"})


def react(city: City, name: str, number: int) -> Answer:
    return city.rest(name, number).call("PUT", f"/messages/{_message(city, name)}/reactions/%F0%9F%91%8D", {})


def _message(city: City, name: str) -> str:
    """The person's first one; a repeated nonce costs nothing."""
    answer = city.rest(name, 0).send_message(city.place.rooms["den"], "the first", nonce="the first")
    return answer.body["id"] if "id" in answer.body else answer.body["message"]["id"]


def sign_in(city: City, name: str, number: int) -> Answer:
    """As somebody who is not there: the same work, and no delays of one account in between."""
    wrong = {"identifier": f"{name}{number}", "password": city.place.password}
    return city.rest(None, number).call("POST", "/auth/login", wrong)


def register(city: City, name: str, number: int) -> Answer:
    called = f"{name}{number}"
    body = {"username": called, "email": f"{called}@example.org", "password": city.place.password}
    return city.rest(None, number).call("POST", "/auth/register", body)


def invite(city: City, name: str, number: int) -> Answer:
    """Somebody who is not there: refused, and counted."""
    nobody = f"00000000-0000-7000-8000-{number:012}"
    return city.rest(name, number).call("POST", "/invitations", {"room_id": city.place.rooms["den"], "user_id": nobody})


def make_room(city: City, name: str, number: int) -> Answer:
    return city.rest(name, number).call("POST", "/rooms", {"name": f"{name}'s {number}"})


def outcomes(answers: list[Answer]) -> Counter[str]:
    """How many the limit let pass, whatever else became of them, and how many it refused."""
    assert {answer.status for answer in answers} <= {200, 201, 401, 404, 429, 503}
    refused = [answer for answer in answers if answer.status == 429]
    assert all(0 < answer.body["error"]["details"]["retry_after"] <= 3600 for answer in refused)
    return Counter("refused" if answer.status == 429 else "passed" for answer in answers)


@pytest.mark.promise("F9")
@pytest.mark.parametrize("act", [react, edit, send, sign_in, register, invite, make_room])
def test_of_fifty_at_once_through_two_processes_exactly_the_allowed_pass(city: City, act: Act) -> None:
    _message(city, "alice")
    spent = 1 if act is send else 0  # by the first message
    with ThreadPoolExecutor(MANY) as threads:
        answers = list(threads.map(lambda number: act(city, "alice", number), range(MANY)))
    assert outcomes(answers) == {"passed": LIMIT - spent, "refused": MANY - LIMIT + spent}


@pytest.mark.parametrize("act", [react, send, make_room])
def test_one_after_the_other_the_last_allowed_passes_and_the_next_does_not(city: City, act: Act) -> None:
    _message(city, "bob")
    spent = 1 if act is send else 0
    answers = [act(city, "bob", number) for number in range(LIMIT - spent + 1)]
    assert outcomes(answers[:-1]) == {"passed": LIMIT - spent}
    assert answers[-1].status == 429


def test_of_fifty_at_once_in_one_room_exactly_the_allowed_pass(city: City) -> None:
    """Nobody has used up their own limit; the room has."""
    with ThreadPoolExecutor(MANY) as threads:
        answers = list(
            threads.map(
                lambda number: city.rest(CROWD[number % 5], number).send_message(
                    city.place.rooms["attic"], f"number {number}"
                ),
                range(MANY),
            )
        )
    assert outcomes(answers) == {"passed": ROOM_LIMIT, "refused": MANY - ROOM_LIMIT}
