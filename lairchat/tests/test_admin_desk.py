"""The front page: numbers that are true now."""

import pytest

from accounts.actions.login import log_in
from accounts.actions.sanctions import ban_user, warn_user
from accounts.actor import Visitor
from accounts.errors import InvalidCredentials
from chat.actions.messages import send_message
from lairchat.admin_desk import size_in_words, time_in_words
from lairchat.core.models import Process
from lairchat.testing.desk import Desk
from rooms.actions.rooms import open_direct_room

pytestmark = pytest.mark.django_db


def numbers(desk):
    answer = desk.client.get("/admin/numbers").json()
    return {name: tile["value"] for name, tile in answer["tiles"].items()}


def test_the_numbers_follow_what_happens(root, alice, bob, plaza):
    desk = Desk(root)
    before = numbers(desk)
    send_message(alice, plaza.id, "hello")
    ban_user(root, bob.user.id, "spam")
    warn_user(root, alice.user.id, "be kind")
    after = numbers(desk)
    assert (int(before["messages"]), int(after["messages"])) == (0, 1)
    assert (before["sanctions"], after["sanctions"]) == ("0", "1")
    assert (before["people"], before["rooms"]) == ("3", "1")


def test_a_failed_sign_in_is_counted_for_administrators(root, mona, bob):
    with pytest.raises(InvalidCredentials):
        log_in(Visitor(via="web", address="192.0.2.1"), "bob", "not my password")
    assert numbers(Desk(root))["failures"] == "1"
    assert not numbers(Desk(mona)).keys() & {"failures", "sessions", "database"}


def test_direct_conversations_are_no_rooms_of_the_desk(root, alice, bob):
    open_direct_room(alice, [bob.user.id])
    assert numbers(Desk(root))["rooms"] == "0"


def test_people_connected_to_living_processes_are_online(root, alice, bob):
    Process.objects.create(
        role="all", host="one", pid=7, version="1", online=[str(alice.user.id), str(bob.user.id)], sockets=3
    )
    from accounts import presence

    presence.forget()
    answer = Desk(root).client.get("/admin/numbers").json()
    assert answer["tiles"]["online"] == {"value": "2", "note": "3 open sockets"}
    assert answer["processes"][0][:4] == ["one:7", "all", "1", "3"]
    presence.forget()


def test_the_page_stands_without_a_script(root, alice, plaza):
    send_message(alice, plaza.id, "hello")
    page = Desk(root).get("/admin/")
    assert 'data-testid="numbers"' in page.html
    assert "Messages in the last hour" in page
    assert "data-reload" in page.html


def test_the_newest_lines_of_the_log_stand_on_the_front_page(root, bob):
    warn_user(root, bob.user.id, "be kind")
    assert "be kind" in Desk(root).get("/admin/")


@pytest.mark.parametrize(
    ("size", "words"), [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (5 * 1024**3, "5.0 GiB"), (2**41, "2.0 TiB")]
)
def test_sizes_are_read_easily(size, words):
    assert size_in_words(size) == words


@pytest.mark.parametrize(("seconds", "words"), [(59, "0 min 59 s"), (3700, "1 h 1 min"), (90_000, "1 d 1 h")])
def test_times_are_read_easily(seconds, words):
    assert time_in_words(seconds) == words
