from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from accounts import passwords, tokens
from accounts.actions.login import log_in, refresh_session, rotate_tokens, sign_in_new, tokens_of
from accounts.actions.sanctions import ban_user, suspend_user
from accounts.actions.sessions import end_session
from accounts.actions.staff import deactivate_user
from accounts.actor import Actor, Visitor
from accounts.errors import AccountDisabled, InvalidCredentials, SessionNotFound
from accounts.events import SessionEnded
from accounts.models import LoginAttempt, User, UserSession
from accounts.passwords import Argon2id
from accounts.queries import live_session
from accounts.sessions import stored_key
from accounts.tests.crowd import at_once
from lairchat import config
from lairchat.core import limits
from lairchat.core.errors import RateLimited
from lairchat.testing.cast import PASSWORD

DOOR = Visitor("rest", "192.0.2.7", "Firefox on Linux")


@pytest.mark.parametrize("identifier", ["alice", "ALICE", "ａlice", "alice@example.org", "Alice@Example.org "])
def test_somebody_signs_in_by_name_or_address_however_written(alice, identifier):
    signed = log_in(DOOR, identifier, PASSWORD)
    assert signed.user == alice.person
    assert live_session(signed.session.id).device == "Firefox on Linux"


def test_a_browser_gets_a_cookie_of_which_only_the_hash_is_kept(alice):
    signed = log_in(DOOR, "alice", PASSWORD)
    assert signed.session.session_key == stored_key(signed.cookie)
    assert signed.cookie not in signed.session.session_key
    assert signed.session.expire_date - signed.session.created_at == timedelta(days=30)


def test_a_program_gets_a_token_for_a_day_and_no_cookie(alice):
    signed = log_in(DOOR, "alice", PASSWORD, kind=UserSession.Kind.API)
    assert (signed.cookie, signed.session.session_key) == ("", None)
    assert signed.session.expire_date - signed.session.created_at == timedelta(hours=24)
    assert tokens.claims_of(signed.token, "session").session_id == signed.session.id


def test_two_sign_ins_are_two_sessions(alice):
    assert log_in(DOOR, "alice", PASSWORD).session.id != log_in(DOOR, "alice", PASSWORD).session.id


def test_a_sign_in_is_written_down(alice, audited):
    with audited("session.begin") as entries:
        signed = log_in(DOOR, "alice", PASSWORD)
    assert (entries[0].actor_id, entries[0].session_id) == (alice.user_id, signed.session.id)
    assert entries[0].detail.address == "192.0.2.7"


def test_a_failed_sign_in_is_written_down_with_whom_it_was_for(alice, audited):
    with audited("session.begin", "invalid_credentials") as entries, pytest.raises(InvalidCredentials):
        log_in(DOOR, "alice", "not the password")
    assert (entries[0].actor_id, entries[0].target_id) == (None, str(alice.user_id))


def test_what_was_typed_for_a_name_is_not_written_down(db, audited):
    with audited("session.begin", "invalid_credentials") as entries, pytest.raises(InvalidCredentials):
        log_in(DOOR, "hunter2 oh no that was my password", "x")
    assert (entries[0].target_id, entries[0].detail.target_label) == ("", "")


def _disable(how, person):
    system = Actor.system()
    match how:
        case "suspended":
            suspend_user(system, person.user_id, "spam and more", timezone.now() + timedelta(days=1))
        case "banned":
            ban_user(system, person.user_id, "spam and more")
        case "deactivated":
            deactivate_user(system, person.user_id, "has left the firm")


@pytest.mark.parametrize("how", ["unknown", "wrong", "suspended", "banned", "deactivated"])
@pytest.mark.promise("S6")
def test_everybody_who_may_not_in_gets_the_same_answer_after_the_same_work(alice, publishes_nothing, monkeypatch, how):
    _disable(how, alice)
    hashes = []
    real = Argon2id.verify
    monkeypatch.setattr(Argon2id, "verify", lambda self, *args: hashes.append(1) or real(self, *args))
    name = "nobody" if how == "unknown" else "alice"
    password = "not the password" if how == "wrong" else PASSWORD
    with publishes_nothing(), pytest.raises(InvalidCredentials) as refusal:
        log_in(DOOR, name, password)
    assert refusal.value.as_dict() == {"code": "invalid_credentials", "message": "Invalid credentials"}
    assert len(hashes) == 1


@pytest.mark.promise("S4")
def test_an_older_hash_is_made_anew_at_sign_in(alice):
    class Lesser(Argon2id):
        memory_cost = 8 * 1024

    User.objects.filter(pk=alice.user_id).update(password=Lesser().encode(PASSWORD, Lesser().salt()))
    log_in(DOOR, "alice", PASSWORD)
    now = User.objects.get(pk=alice.user_id).password
    assert not passwords.is_outdated(now)
    assert passwords.matches(PASSWORD, now)


def test_an_account_closed_while_the_password_was_checked_stays_closed(alice):
    checked = alice.person  # as read before the hash
    _disable("banned", alice)
    with pytest.raises(InvalidCredentials):
        sign_in_new(DOOR, checked)


# Guessing (S6).


def fail(name="alice", door=DOOR):
    with pytest.raises(InvalidCredentials):
        log_in(door, name, "not the password")


@pytest.mark.promise("S6")
def test_five_failures_are_free_and_the_sixth_try_waits(alice):
    for _ in range(5):
        fail()
    with pytest.raises(RateLimited) as refusal:
        log_in(DOOR, "alice", PASSWORD)
    assert refusal.value.details["retry_after"] in (1, 2, 3)


def test_after_four_failures_the_right_password_lets_in(alice):
    for _ in range(4):
        fail()
    assert log_in(DOOR, "alice", PASSWORD)


@pytest.mark.promise("S6")
def test_the_delays_double_up_to_a_quarter_of_an_hour(alice):
    waits = []
    with time_machine.travel(timezone.now(), tick=False) as clock:
        for _ in range(5):
            fail()
        for _ in range(11):
            with pytest.raises(RateLimited) as refusal:
                log_in(DOOR, "alice", PASSWORD)
            waits.append(refusal.value.details["retry_after"])
            clock.shift(waits[-1])
            limits.forget()  # the address's own limit is another test
            fail()
    assert [wait - 1 for wait in waits] == [2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]


def test_quiet_after_the_delays_unlocks(alice):
    with time_machine.travel(timezone.now(), tick=False) as clock:
        for wait in [0, 0, 0, 0, 0, 3, 5]:
            clock.shift(wait)
            fail()
        clock.shift(8 + 15 * 60 + 1)
        for _ in range(5):
            fail()


def test_a_mistake_every_few_minutes_locks_nobody(alice):
    with time_machine.travel(timezone.now(), tick=False) as clock:
        for _ in range(12):
            fail()
            clock.shift(4 * 60)
        assert log_in(DOOR, "alice", PASSWORD)


def test_names_and_address_of_one_account_count_together(alice):
    for name in ["alice", "Alice", "alice@example.org", "ALICE@example.org", "alice"]:
        fail(name)
    with pytest.raises(RateLimited):
        log_in(DOOR, "alice@example.org", PASSWORD)


def test_somebody_who_does_not_exist_is_locked_just_the_same(db):
    for _ in range(5):
        fail("nobody")
    with pytest.raises(RateLimited):
        log_in(DOOR, "nobody", PASSWORD)


@pytest.mark.promise("S6")
def test_guesses_from_elsewhere_do_not_lock_the_owner_out(alice):
    for _ in range(5):
        fail(door=Visitor("rest", "198.51.100.1"))
    assert log_in(DOOR, "alice", PASSWORD)


def test_neighbours_in_one_ipv6_network_count_as_one(alice):
    for number in range(5):
        fail(door=Visitor("rest", f"2001:db8::{number}"))
    with pytest.raises(RateLimited):
        log_in(Visitor("rest", "2001:db8::99"), "alice", PASSWORD)


def test_a_sign_in_forgives_the_failures_before_it(alice):
    for _ in range(4):
        fail()
    log_in(DOOR, "alice", PASSWORD)
    for _ in range(4):
        fail()
    assert log_in(DOOR, "alice", PASSWORD)


def test_failures_are_forgotten_after_a_quarter_of_an_hour(alice):
    for _ in range(5):
        fail()
    with time_machine.travel(timezone.now() + timedelta(minutes=16)):
        assert log_in(DOOR, "alice", PASSWORD)


def test_tries_of_long_ago_are_deleted(alice):
    fail()
    with time_machine.travel(timezone.now() + timedelta(days=2)):
        log_in(DOOR, "alice", PASSWORD)
    assert LoginAttempt.objects.count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.promise("S6")
def test_many_guesses_at_once_are_as_many_guesses(person):
    person("alice")
    outcomes = at_once(*[lambda: log_in(DOOR, "alice", "not the password")] * 12)
    kinds = [type(outcome) for outcome in outcomes]
    assert kinds.count(InvalidCredentials) == 5
    assert kinds.count(RateLimited) == 7


def test_an_address_may_try_so_often_and_no_more(db):
    for number in range(30):
        fail(f"nobody{number}")
    with pytest.raises(RateLimited):
        log_in(DOOR, "somebody", "x")


def test_for_load_tests_the_delays_can_be_switched_off(alice, monkeypatch):
    monkeypatch.setenv("LAIR_LIMITS", "off")
    config.reload()
    try:
        for _ in range(6):
            fail()
        assert log_in(DOOR, "alice", PASSWORD)
    finally:
        monkeypatch.undo()
        config.reload()


# Tokens of a session.


def test_a_session_gives_another_token_without_growing(alice):
    token, expires_at = refresh_session(alice)
    session = live_session(alice.session_id)
    assert expires_at == session.expire_date
    assert tokens.claims_of(token, "session").session_id == session.id


def test_an_ended_session_gives_no_token(alice):
    end_session(alice, alice.session_id)
    with pytest.raises(SessionNotFound):
        refresh_session(alice)


def test_without_a_session_there_is_no_token(db):
    with pytest.raises(SessionNotFound):
        refresh_session(Actor.system())


def pair(user):
    return tokens_of(log_in(DOOR, user, PASSWORD, kind=UserSession.Kind.API))


def test_a_refresh_token_buys_the_next_pair(alice):
    first = pair("alice")
    second = rotate_tokens(DOOR, first.refresh)
    assert tokens.claims_of(second.access, "access").session_id == tokens.claims_of(first.access, "access").session_id
    assert rotate_tokens(DOOR, second.refresh)


@pytest.mark.promise("S2")
def test_a_refresh_token_used_twice_ends_its_session(alice, publishes, audited):
    first = pair("alice")
    second = rotate_tokens(DOOR, first.refresh)
    session_id = tokens.claims_of(first.access, "access").session_id
    with publishes(SessionEnded) as event, audited("session.end"), pytest.raises(SessionNotFound):
        rotate_tokens(DOOR, first.refresh)
    assert event.payload() == {"session_id": session_id}
    with pytest.raises(SessionNotFound):
        rotate_tokens(DOOR, second.refresh)


@pytest.mark.django_db(transaction=True)
@pytest.mark.promise("S2")
def test_a_refresh_token_used_by_two_at_once_is_good_for_one(person):
    person("alice")
    first = pair("alice")
    outcomes = at_once(lambda: rotate_tokens(DOOR, first.refresh), lambda: rotate_tokens(DOOR, first.refresh))
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["SessionNotFound", "TokenPair"]


def test_access_and_session_tokens_do_not_refresh(alice):
    signed = log_in(DOOR, "alice", PASSWORD, kind=UserSession.Kind.API)
    for token in (tokens_of(signed).access, signed.token):
        with pytest.raises(tokens.InvalidToken):
            rotate_tokens(DOOR, token)


def test_a_disabled_account_refreshes_nothing(alice):
    first = pair("alice")
    User.objects.filter(pk=alice.user_id).update(is_active=False)
    with pytest.raises(AccountDisabled):
        rotate_tokens(DOOR, first.refresh)


def test_a_token_of_somebody_elses_session_buys_nothing(alice, bob):
    session = UserSession.objects.get(id=alice.session_id)
    session.user = bob.person
    forged = tokens.refresh_token(session, session.refresh_jti)
    with pytest.raises(SessionNotFound):
        rotate_tokens(DOOR, forged)
