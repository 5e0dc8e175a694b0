import threading

import pytest

from accounts import passwords
from accounts.actions.login import log_in
from accounts.actions.passwords import change_password
from accounts.actor import Visitor
from accounts.errors import IncorrectPassword, PasswordTooWeak
from accounts.events import SessionEnded
from accounts.models import LoginAttempt, User, UserSession
from accounts.passwords import Argon2id
from accounts.queries import live_session
from lairchat import config
from lairchat.core.errors import Busy, RateLimited
from lairchat.testing.cast import PASSWORD, again, signed_in

NEW = "a brand new sentence"


@pytest.mark.promise("S4")
def test_a_password_is_neither_trimmed_nor_cut():
    long = " " + "x" * 200 + "y "
    encoded = passwords.hashed(long)
    assert passwords.matches(long, encoded)
    assert not passwords.matches(long.strip(), encoded)
    assert not passwords.matches(long[:-2] + "z ", encoded)


@pytest.mark.parametrize("encoded", [None, "!unusable"])
def test_nobody_signs_in_where_there_is_no_password(encoded):
    assert not passwords.matches("nobody has this password", encoded)


def test_half_a_character_is_nobodys_password():
    assert not passwords.matches("\ud800", passwords.hashed("x"))


def test_a_hash_with_lesser_parameters_is_outdated():
    class Lesser(Argon2id):
        memory_cost = 8 * 1024

    assert passwords.is_outdated(Lesser().encode("x", Lesser().salt()))
    assert not passwords.is_outdated(passwords.hashed("x"))


@pytest.mark.promise("F9")
def test_only_a_few_hashes_are_computed_at_once_and_the_rest_is_told_busy(monkeypatch):
    monkeypatch.setenv("LAIR_SERVER_WAIT_SECONDS", "0.05")
    config.reload()
    try:
        places = [passwords.one_of_few() for _ in range(config.current().server.hashes_at_once)]
        for place in places:
            place.__enter__()
        with pytest.raises(Busy):
            passwords.hashed("x")
        places[0].__exit__(None, None, None)
        assert passwords.hashed("x")
        for place in places[1:]:
            place.__exit__(None, None, None)
    finally:
        monkeypatch.undo()
        config.reload()


def test_somebody_who_waits_for_a_place_gets_it():
    with passwords.one_of_few(), passwords.one_of_few():
        done = threading.Event()
        waiting = threading.Thread(target=lambda: (passwords.hashed("x"), done.set()))
        waiting.start()
    assert done.wait(10)
    waiting.join()


@pytest.mark.parametrize("length", [8, 1024])
@pytest.mark.promise("S4")
def test_a_password_at_the_bounds_is_good(length):
    passwords.check_new("q7" * (length // 2), minimum=8)


def test_a_short_name_may_stand_in_a_password():
    passwords.check_new("all the words", minimum=8, names=("al",))


# Changing one's own.


@pytest.mark.promise("S3")
def test_somebody_changes_their_password_and_is_signed_out_elsewhere(alice, publishes, audited):
    phone = signed_in(alice.person)
    with publishes(SessionEnded) as event, audited("password.change"):
        change_password(alice, PASSWORD, NEW)
    assert event.payload() == {"session_id": phone.session_id}
    assert UserSession.objects.get(id=phone.session_id).end_reason == "password_changed"
    assert live_session(alice.session_id)
    assert log_in(Visitor("rest"), "alice", NEW).user == alice.person


def test_with_the_wrong_password_nothing_changes(alice, publishes_nothing, audits_nothing):
    phone = signed_in(alice.person)
    with publishes_nothing(), audits_nothing(), pytest.raises(IncorrectPassword):
        change_password(alice, "not my password", NEW)
    assert again(alice).person.password == alice.person.password
    assert live_session(phone.session_id)


def test_a_weak_new_password_is_refused_before_the_old_one_is_asked(alice, publishes_nothing):
    with publishes_nothing(), pytest.raises(PasswordTooWeak):
        change_password(alice, "not my password", "alice alice")


def test_guessing_at_the_old_password_is_slowed_down_as_at_sign_in(alice):
    for _ in range(5):
        with pytest.raises(IncorrectPassword):
            change_password(alice, "not my password", NEW)
    with pytest.raises(RateLimited):
        change_password(alice, PASSWORD, NEW)


def test_a_right_password_is_no_failure(alice):
    change_password(alice, PASSWORD, NEW)
    assert LoginAttempt.objects.get().succeeded


def test_a_password_changed_meanwhile_is_not_changed_again(alice):
    change_password(alice, PASSWORD, NEW)
    with pytest.raises(IncorrectPassword):  # alice still carries the row of before
        change_password(alice, PASSWORD, "yet another sentence")
    assert passwords.matches(NEW, User.objects.get(pk=alice.user_id).password)
