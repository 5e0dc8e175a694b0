"""The staff log on the desk: all of it for administrators, moderation for moderators, and nobody changes a line."""

import pytest

from accounts import audit
from accounts.actions.sanctions import ban_user, warn_user
from accounts.actions.staff import change_role
from accounts.models import AuditEntry
from chat.actions.messages import delete_message, send_message
from lairchat.testing.desk import Desk, last_entry
from rooms.actions.sanctions import kick_member, mute_member

pytestmark = pytest.mark.django_db


def shown(page):
    return {int(number) for number in _numbers(page.html)}


def _numbers(html):
    import re

    return re.findall(r"/admin/accounts/auditentry/(\d+)/change/", html)


def test_an_administrator_reads_all_of_it(root, mona, bob):
    change_role(root, bob.user.id, "guest", "is a visitor")
    entry = last_entry()
    assert entry.seq in shown(Desk(root).list(AuditEntry))
    page = Desk(root).page(entry)
    for text in ("role: user", "role: guest", "is a visitor", "127.0.0.1", entry.hash):
        assert text in page


def test_a_moderator_reads_what_is_moderation(root, mona, bob):
    change_role(root, bob.user.id, "guest", "is a visitor")
    rank = last_entry()
    warn_user(root, bob.user.id, "be kind")
    warning = last_entry()
    desk = Desk(mona)
    seen = shown(desk.list(AuditEntry))
    assert warning.seq in seen
    assert rank.seq not in seen
    assert desk.page(rank).status == 404
    assert shown(desk.list(AuditEntry, action="role.change")) == set()
    assert "is a visitor" not in desk.list(AuditEntry, q=str(bob.user.id))
    assert "is a visitor" not in desk.get(f"/admin/accounts/user/{bob.user.id}/history/")


@pytest.mark.promise("S19")
def test_a_moderator_reads_no_network_address(mona, bob):
    warn_user(mona, bob.user.id, "be kind")
    assert "127.0.0.1" not in Desk(mona).page(last_entry())


def test_a_moderator_does_not_learn_of_private_rooms(root, mona, alice, bob, den, plaza):
    mute_member(alice, den.id, bob.user.id, reason="told secrets", until=_tomorrow())
    hidden = last_entry()
    kick_member(alice, plaza.id, bob.user.id, reason="cool down")
    known = last_entry()
    desk = Desk(mona)
    assert shown(desk.list(AuditEntry)) & {hidden.seq, known.seq} == {known.seq}
    assert desk.page(hidden).status == 404
    assert "told secrets" not in desk.page(bob.user)
    assert "told secrets" not in desk.list(AuditEntry, target=den.id)
    assert hidden.seq in shown(Desk(root).list(AuditEntry))


def _tomorrow():
    from datetime import timedelta

    from django.utils import timezone

    return timezone.now() + timedelta(days=1)


def test_a_stranger_reads_nothing(mallory, root, bob):
    warn_user(root, bob.user.id, "be kind")
    assert Desk(mallory).list(AuditEntry).status == 403
    assert Desk(mallory).page(last_entry()).status == 403


def test_a_line_says_who_did_what_to_whom_where_and_why(root, alice, bob, plaza):
    kick_member(alice, plaza.id, bob.user.id, reason="cool down")
    page = Desk(root).list(AuditEntry, action="member.kick")
    for text in ("alice", "kicked out", "bob", "plaza", "cool down", "done"):
        assert text in page


def test_a_removed_message_is_named_without_its_words(root, mona, alice, plaza):
    message = send_message(alice, plaza.id, "buy my secret coins").message
    delete_message(mona, message.id, reason="advertising")
    page = Desk(root).page(last_entry())
    assert "advertising" in page
    assert "secret coins" not in page


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"action": "user.ban"}, True),
        ({"action": "user.warn"}, False),
        ({"via": "rest"}, True),
        ({"via": "admin"}, False),
        ({"outcome": "done"}, True),
        ({"outcome": "refused"}, False),
        ({"since": "2000-01-01"}, True),
        ({"before": "2000-01-01"}, False),
        ({"q": "root"}, True),
        ({"q": "bob"}, False),
    ],
)
def test_lines_are_found(root, bob, query, found):
    ban_user(root, bob.user.id, "spam")
    assert (last_entry().seq in shown(Desk(root).list(AuditEntry, **query))) is found


def test_lines_are_found_by_number_person_and_target(root, alice, bob):
    ban_user(root, bob.user.id, "spam")
    seq = last_entry().seq
    warn_user(root, alice.user.id, "be kind")
    desk = Desk(root)
    assert shown(desk.list(AuditEntry, q=f"#{seq}")) == {seq}
    assert seq in shown(desk.list(AuditEntry, q=str(bob.user.id)))
    assert shown(desk.list(AuditEntry, target=bob.user.id)) == {seq}
    assert seq in shown(desk.list(AuditEntry, actor=root.user.id))


def test_the_log_has_no_button_and_no_editor(root, bob):
    warn_user(root, bob.user.id, "be kind")
    page = Desk(root).list(AuditEntry)
    assert page.buttons == []
    assert page.rows == []


def test_what_is_done_on_the_desk_leaves_the_chain_whole(root, bob):
    desk = Desk(root)
    desk.act("ban", [bob.user], reason="spam")
    desk.act("lift", [bob.user], reason="a mistake")
    assert audit.verify() is None


def test_a_line_whose_names_were_erased_still_stands(root, bob):
    warn_user(root, bob.user.id, "be kind")
    entry = last_entry()
    entry.detail.delete()
    page = Desk(root).page(entry)
    assert page.status == 200
    assert "be kind" not in page
    assert "erased" in page
