from datetime import timedelta
from uuid import uuid4

import pytest
import time_machine
from django.db import OperationalError, connection
from django.utils import timezone

from accounts import queries, sessions, tokens
from accounts.actions.login import log_in
from accounts.actions.sanctions import suspend_user
from accounts.actions.sessions import end_session, end_sessions, end_user_sessions, list_sessions, log_out
from accounts.actor import Actor, Visitor
from accounts.authentication import actor_of_cookie, actor_of_token
from accounts.devices import device_name
from accounts.errors import (
    AccountDisabled,
    ReasonInvalid,
    SessionExpired,
    SessionNotFound,
    UnknownSession,
    UserNotFound,
)
from accounts.events import SessionEnded
from accounts.models import User, UserSession
from accounts.sessions import SessionStore, stored_key
from accounts.tests.crowd import at_once
from lairchat.core.errors import Forbidden
from lairchat.core.events import Close, load
from lairchat.core.models import StreamEntry
from lairchat.testing.cast import PASSWORD, signed_in


def live(actor):
    return queries.live_actor(actor.session_id, via="rest", address="127.0.0.1", request_id="7")


def gone(actor):
    with pytest.raises(SessionNotFound):
        live(actor)


def test_a_session_tells_who_acts_in_one_statement(alice, django_assert_num_queries):
    with django_assert_num_queries(1):
        actor = live(alice)
    assert (actor.user, actor.session_id, actor.via, actor.request_id) == (alice.user, alice.session_id, "rest", "7")


def test_an_unknown_session_is_nobodys(db):
    with pytest.raises(SessionNotFound):
        queries.live_actor(uuid4(), via="rest", address="")


def test_a_session_ends_by_itself(alice):
    with time_machine.travel(timezone.now() + timedelta(hours=25)), pytest.raises(SessionExpired):
        live(alice)


@pytest.mark.parametrize(
    "state",
    [
        {"is_active": False},
        {"banned_at": timezone.now()},
        {"suspended_until": timezone.now() + timedelta(days=400)},
    ],
)
def test_a_disabled_account_has_no_session(alice, state):
    User.objects.filter(pk=alice.user_id).update(**state)
    with pytest.raises(AccountDisabled):
        live(alice)


def test_a_suspension_that_is_over_disables_nothing(alice):
    User.objects.filter(pk=alice.user_id).update(suspended_until=timezone.now() - timedelta(seconds=1))
    assert live(alice)


# Ending one's own.


def test_signing_out_ends_this_session_alone(alice, publishes):
    phone = signed_in(alice.person)
    with publishes(SessionEnded) as event:
        log_out(alice)
    assert event.payload() == {"session_id": alice.session_id}
    assert list(event.event.effects()) == [Close(alice.user_id, 4010, session_id=alice.session_id)]
    gone(alice)
    assert live(phone)


def test_signing_out_twice_is_no_error(alice, publishes_nothing):
    log_out(alice)
    with publishes_nothing():
        log_out(alice)


def test_the_server_itself_has_nothing_to_sign_out(db, publishes_nothing):
    with publishes_nothing():
        log_out(Actor.system())


def test_somebody_ends_a_session_they_left_open(alice, publishes):
    phone = signed_in(alice.person)
    with publishes(SessionEnded):
        end_session(alice, phone.session_id)
    gone(phone)
    assert live(alice)


def test_nobody_ends_a_session_of_somebody_else(alice, bob, publishes_nothing):
    with publishes_nothing(), pytest.raises(UnknownSession) as theirs:
        end_session(alice, bob.session_id)
    with publishes_nothing(), pytest.raises(UnknownSession) as nobodys:
        end_session(alice, uuid4())
    assert theirs.value.as_dict() == nobodys.value.as_dict()
    assert live(bob)


def test_a_session_ends_once(alice):
    phone = signed_in(alice.person)
    end_session(alice, phone.session_id)
    with pytest.raises(UnknownSession):
        end_session(alice, phone.session_id)


@pytest.mark.django_db(transaction=True)
def test_a_session_ended_by_two_at_once_ends_once(person):
    alice = person("alice")
    phone = signed_in(alice.person)
    outcomes = at_once(*[lambda: end_session(alice, phone.session_id)] * 2)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["NoneType", "UnknownSession"]
    assert StreamEntry.objects.filter(type="session_ended").count() == 1


@pytest.mark.promise("S3")
def test_somebody_ends_all_others(alice, bob, recording):
    phone, tablet = signed_in(alice.person), signed_in(alice.person)
    with recording() as seen:
        assert end_sessions(alice) == 2
    assert {event.payload()["session_id"] for event in seen.events} == {phone.session_id, tablet.session_id}
    gone(phone)
    gone(tablet)
    assert live(alice)
    assert live(bob)


def test_with_no_others_nothing_ends(alice, publishes_nothing):
    with publishes_nothing():
        assert end_sessions(alice) == 0


def test_the_list_shows_what_is_in_force_newest_first(alice, bob):
    ended, phone = signed_in(alice.person), signed_in(alice.person)
    end_session(alice, ended.session_id)
    UserSession.objects.create(user=alice.person, kind="web", expire_date=timezone.now() - timedelta(days=1))
    assert [session.id for session in list_sessions(alice)] == [phone.session_id, alice.session_id]


# Ending somebody else's.


def test_an_administrator_ends_all_sessions_of_somebody(root, alice, publishes, audited):
    phone = signed_in(alice.person)
    with publishes(SessionEnded) as event, audited("user_sessions.end") as entries:
        assert end_user_sessions(root, alice.user_id, "lost phone") == 2
    assert event.payload() == {"session_id": None}
    assert {effect.session_id for effect in event.event.effects()} == {alice.session_id, phone.session_id}
    assert (entries[0].actor_id, entries[0].target_id) == (root.user_id, str(alice.user_id))
    assert entries[0].detail.reason == "lost phone"
    gone(alice)
    gone(phone)


def test_who_has_none_is_told_nothing(root, bob, publishes_nothing):
    log_out(bob)
    with publishes_nothing():
        assert end_user_sessions(root, bob.user_id, "to be sure") == 0


@pytest.mark.parametrize("who", ["mona", "bob"])
def test_nobody_but_administrators_ends_them(request, alice, publishes_nothing, audited, who):
    actor = request.getfixturevalue(who)
    with publishes_nothing(), audited("user_sessions.end", "permission_denied"), pytest.raises(Forbidden):
        end_user_sessions(actor, alice.user_id, "lost phone")
    assert live(alice)


def test_an_administrator_ends_their_own_the_other_way(root, publishes_nothing):
    with publishes_nothing(), pytest.raises(Forbidden):
        end_user_sessions(root, root.user_id, "lost phone")


def test_the_reason_is_needed(root, alice, publishes_nothing):
    for reason in ["", "  x ", "y" * 501, "a\x00bc"]:
        with publishes_nothing(), pytest.raises(ReasonInvalid):
            end_user_sessions(root, alice.user_id, reason)


def test_sessions_of_nobody_cannot_end(root, publishes_nothing):
    with publishes_nothing(), pytest.raises(UserNotFound):
        end_user_sessions(root, uuid4(), "lost phone")


@pytest.mark.promise("S7")
def test_rights_are_those_of_now_and_not_of_the_connection(root, alice, publishes_nothing):
    User.objects.filter(pk=root.user_id).update(role="user")
    with publishes_nothing(), pytest.raises(Forbidden):
        end_user_sessions(root, alice.user_id, "lost phone")
    User.objects.filter(pk=root.user_id).update(is_active=False)
    with pytest.raises(AccountDisabled):
        end_user_sessions(root, alice.user_id, "lost phone")
    User.objects.filter(pk=root.user_id).delete()
    with pytest.raises(AccountDisabled):
        end_user_sessions(root, alice.user_id, "lost phone")


# Every credential stands on the session (must-hold 3, within the process).


@pytest.mark.parametrize("how", ["log_out", "end_user_sessions", "suspend"])
@pytest.mark.promise("S1")
def test_what_ends_a_session_ends_its_cookie_and_its_tokens(root, alice, how):
    web = log_in(Visitor("web"), "alice", PASSWORD)
    api = log_in(Visitor("rest"), "alice", PASSWORD, kind=UserSession.Kind.API)
    access, _ = tokens.access_token(api.session)
    doors = [
        lambda: actor_of_cookie(web.cookie, via="web", address=""),
        lambda: actor_of_token(api.token, via="ws", address=""),
        lambda: actor_of_token(access, via="rest", address=""),
    ]
    assert {door().user for door in doors} == {alice.user}
    match how:
        case "log_out":
            for signed in (web, api):
                log_out(Actor(alice.user, "rest", signed.session.id))
        case "end_user_sessions":
            end_user_sessions(root, alice.user_id, "lost phone")
        case "suspend":
            suspend_user(root, alice.user_id, "spam and more", timezone.now() + timedelta(days=1))
    for door in doors:
        with pytest.raises(SessionNotFound):
            door()


def test_a_replay_closes_what_ended_then_and_nothing_newer(root, alice):
    end_user_sessions(root, alice.user_id, "lost phone")
    newer = signed_in(alice.person)
    entries = list(StreamEntry.objects.filter(type="session_ended"))
    (delivery,) = load(entries)
    assert [effect.session_id for effect in delivery.effects] == [alice.session_id]
    assert newer.session_id not in {effect.session_id for effect in delivery.effects}


# Django's engine.


def test_somebody_who_is_not_signed_in_has_no_row(db):
    store = SessionStore("made-up-value")
    store["colour"] = "red"
    store.save()
    store.create()
    assert store.is_empty()
    assert not UserSession.objects.exists()
    assert store.get_expiry_age() == 0


def test_a_browser_keeps_page_data_with_its_sign_in(alice):
    signed = log_in(Visitor("web"), "alice", PASSWORD)
    store = SessionStore(signed.cookie)
    store["colour"] = "red"
    store.save()
    again = SessionStore(signed.cookie)
    assert again["colour"] == "red"
    assert again.exists(signed.cookie)
    assert not again.exists("made-up-value")
    assert again.get_expiry_age() > 29 * 24 * 3600
    assert not again.get_expire_at_browser_close()
    assert SessionStore.get_model_class() is UserSession
    assert UserSession.get_session_store_class() is SessionStore


def test_a_browser_whose_key_django_turns_keeps_its_sign_in(alice):
    signed = log_in(Visitor("web"), "alice", PASSWORD)
    store = SessionStore(signed.cookie)
    store.cycle_key()
    assert SessionStore(signed.cookie).is_live()


@pytest.mark.parametrize("by_key", [True, False])
def test_a_browser_that_django_forgets_is_signed_out(alice, by_key):
    signed = log_in(Visitor("web"), "alice", PASSWORD)
    store = SessionStore(None if by_key else signed.cookie)
    store.delete(signed.cookie if by_key else None)
    assert not SessionStore(signed.cookie).is_live()
    SessionStore().delete()


def test_long_ended_sessions_are_swept_out(alice):
    with time_machine.travel(timezone.now() + timedelta(days=32)):
        SessionStore.clear_expired()
    assert not UserSession.objects.filter(id=alice.session_id).exists()


def test_a_session_is_touched_every_five_minutes_at_most(alice, django_assert_num_queries):
    session = UserSession.objects.get(id=alice.session_id)
    with django_assert_num_queries(0):
        sessions.touch(session)
    with time_machine.travel(timezone.now() + timedelta(minutes=6), tick=False):
        with django_assert_num_queries(1):
            sessions.touch(session)
            sessions.touch(session)
        assert UserSession.objects.get(id=alice.session_id).last_seen_at == timezone.now()


def test_a_database_that_cannot_write_does_not_stop_a_reader(alice):
    def full(execute, sql, params, many, context):
        raise OperationalError("database or disk is full")

    session = UserSession.objects.get(id=alice.session_id)
    with time_machine.travel(timezone.now() + timedelta(minutes=6)), connection.execute_wrapper(full):
        sessions.touch(session)


def test_a_cookie_is_stored_as_its_hash_whatever_it_holds():
    assert len(stored_key("\ud800")) == 64
    assert stored_key("a") != stored_key("b")


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", "Firefox on Linux"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/120 Safari/537.36 Edg/120", "Edge on Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Version/17.0 Safari/604.1", "Safari on iPhone"),
        ("Firefox/1", "Firefox"),
        ("curl/8.5.0", "curl/8.5.0"),
        ("a\x00b c", "ab"),
        ("", ""),
    ],
)
def test_a_device_is_called_what_people_call_it(header, name):
    assert device_name(header) == name


def test_the_event_of_many_names_them_all():
    ids = [uuid4(), uuid4()]
    event = SessionEnded(uuid4(), ids, all_of_them=True)
    assert event.refs() == {"sessions": [str(id_) for id_ in ids], "all": True}
