"""Sanctions of the whole site and sign-ins on the desk."""

import pytest

from accounts.actions.sanctions import ban_user, lift_sanction, warn_user
from accounts.actions.sessions import end_user_sessions
from accounts.events import SanctionLifted, SessionEnded
from accounts.models import Sanction, UserSession
from lairchat.core.log import user_stream
from lairchat.testing.cast import again
from lairchat.testing.desk import Desk, last_entry

pytestmark = pytest.mark.django_db


@pytest.fixture
def ban(root, bob):
    return ban_user(root, bob.user.id, "spam in three rooms")


def test_both_ranks_of_staff_see_who_did_what_why_and_until_when(root, mona, ban):
    for viewer in (root, mona):
        page = Desk(viewer).list(Sanction)
        for text in ("bob", "banned", "root", "spam in three rooms", "until lifted", "in force"):
            assert text in page


def test_a_stranger_sees_no_sanctions(mallory, ban):
    page = Desk(mallory).list(Sanction)
    assert page.status == 403
    assert "spam" not in page


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"state": "force"}, True),
        ({"state": "lifted"}, False),
        ({"state": "over"}, False),
        ({"kind": "ban"}, True),
        ({"kind": "mute"}, False),
        ({"q": "BOB"}, True),
        ({"q": "three rooms"}, True),
        ({"q": "alice"}, False),
        ({"since": "2000-01-01"}, True),
        ({"before": "2000-01-01"}, False),
    ],
)
def test_sanctions_are_found(root, ban, query, found):
    assert (str(ban.id) in Desk(root).list(Sanction, **query).rows) is found


def test_sanctions_of_one_person(root, ban, alice, bob):
    warn_user(root, alice.user.id, "be kind")
    page = Desk(root).list(Sanction, person=bob.user.id)
    assert page.rows == [str(ban.id)]
    assert "Person: bob" in page.html.replace("<b>", "").replace("</b>", "")


def test_lifting_a_ban_opens_the_door_again(root, bob, ban, publishes):
    with publishes(SanctionLifted, on=user_stream(bob.user.id)):
        page = Desk(root).act("lift", [ban], reason="a mistake")
    assert page.refused == {}
    assert again(bob).person.is_usable()
    entry = last_entry()
    assert (entry.action, entry.via, entry.detail.reason) == ("sanction.lift", "admin", "a mistake")


def test_a_moderator_does_not_lift_an_administrators_ban(mona, bob, ban):
    desk = Desk(mona)
    asked = desk.press("lift", [ban])
    assert list(asked.expected_refusals.values()) == ["only administrators lift this"]
    page = desk.send(asked, "lift", [ban], reason="a mistake")
    assert list(page.refused.values()) == ["permission_denied"]
    assert again(bob).person.banned_at is not None
    entry = last_entry()
    assert (entry.action, entry.outcome, entry.via) == ("sanction.lift", "permission_denied", "admin")


def test_what_is_over_is_refused_on_its_row_and_the_others_go_on(root, bob, ban):
    warning = warn_user(root, bob.user.id, "be kind")
    lifted = lift_sanction(root, ban_user(root, bob.user.id, "again").id)
    page = Desk(root).act("lift", [ban, lifted], reason="a mistake")
    assert list(page.refused.values()) == ["sanction_over"]
    assert len(page.done) == 1
    assert "it is over already" in Desk(root).press("lift", [warning])


def test_a_sanctions_page_says_who_lifted_it(root, ban):
    lift_sanction(root, ban.id)
    page = Desk(root).page(Sanction.objects.get())
    assert "Lifted by" in page
    assert "lifted" in page


def test_only_administrators_see_sign_ins_and_addresses(root, mona, bob):
    UserSession.objects.filter(user=bob.user).update(address="192.0.2.77", device="Firefox on Linux")
    page = Desk(root).list(UserSession)
    assert "192.0.2.77" in page
    assert "Firefox on Linux" in page
    for model_page in (Desk(mona).list(UserSession), Desk(mona).page(UserSession.objects.filter(user=bob.user)[0])):
        assert model_page.status == 403
        assert "192.0.2.77" not in model_page


def test_a_sign_ins_page_shows_none_of_its_secrets(root, bob):
    Desk(bob)
    session = UserSession.objects.exclude(session_key=None).get(user=bob.user)
    page = Desk(root).page(session)
    assert session.session_key not in page
    assert session.refresh_jti not in page


@pytest.mark.parametrize(
    ("query", "found"),
    [({"q": "bob"}, True), ({"q": "192.0.2.77"}, True), ({"state": "live"}, True), ({"state": "ended"}, False)],
)
def test_sign_ins_are_found(root, bob, query, found):
    UserSession.objects.filter(user=bob.user).update(address="192.0.2.77")
    session = UserSession.objects.get(user=bob.user)
    assert (str(session.id) in Desk(root).list(UserSession, **query).rows) is found


def test_ending_a_sign_in_ends_all_of_the_person_once(root, bob, publishes):
    Desk(bob)
    sessions = list(UserSession.objects.filter(user=bob.user))
    assert len(sessions) == 2
    with publishes(SessionEnded, on=user_stream(bob.user.id)):
        page = Desk(root).act("sign_out", sessions, reason="a lost phone")
    assert page.done == ["bob"]
    assert not UserSession.objects.filter(user=bob.user, ended_at=None).exists()
    entry = last_entry()
    assert (entry.action, entry.via, entry.detail.reason) == ("user_sessions.end", "admin", "a lost phone")


def test_the_browser_of_somebody_signed_out_is_a_visitors(root, bob):
    desk = Desk(root)
    end_user_sessions(root, bob.user.id, "a lost phone")
    assert "ended by staff" in desk.list(UserSession, person=bob.user.id)
