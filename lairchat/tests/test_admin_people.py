"""People on the desk: what each viewer sees of them, and every button through to its effect."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.actions.sanctions import ban_user, mute_user, suspend_user, warn_user
from accounts.actions.staff import deactivate_user
from accounts.events import ProfileUpdated, SanctionLifted, SessionEnded, UserSanctioned
from accounts.models import Sanction, User, UserSession
from accounts.roles import SiteRole
from chat.actions.messages import send_message
from lairchat.core.events import Close
from lairchat.core.log import user_stream
from lairchat.testing.cast import again, fill
from lairchat.testing.desk import Desk, last_entry
from rooms.actions.rooms import open_direct_room
from rooms.actions.sanctions import kick_member

pytestmark = pytest.mark.django_db

ALL_BUTTONS = ["warn", "mute", "suspend", "ban", "lift", "sign_out", "deactivate", "reactivate", "change_rank"]


def test_an_administrator_sees_mail_addresses_and_sign_ins(root, bob):
    page = Desk(root).list(User)
    assert "bob@example.org" in page
    assert "Sign-ins" in page
    assert page.buttons == ALL_BUTTONS


def test_a_moderator_sees_neither_and_has_a_moderators_buttons(mona, bob):
    page = Desk(mona).list(User)
    assert "bob" in page
    assert "example.org" not in page
    assert "Sign-ins" not in page
    assert page.buttons == ["warn", "mute", "suspend", "lift"]


def test_a_stranger_sees_nobody(mallory, bob):
    page = Desk(mallory).list(User)
    assert page.status == 403
    assert "bob" not in page


def test_a_moderator_does_not_find_people_by_their_mail_address(root, mona, bob):
    assert str(bob.user.id) in Desk(root).list(User, q="bob@example.org").rows
    assert Desk(mona).list(User, q="bob@example.org").rows == []


@pytest.mark.parametrize("words", ["bob", "BOB", "ob", "Roberta"])
def test_people_are_found_by_name(mona, bob, words):
    User.objects.filter(pk=bob.user.pk).update(display_name="Roberta Silva")
    assert Desk(mona).list(User, q=words).rows == [str(bob.user.id)]


def test_people_are_found_by_id(mona, bob):
    assert Desk(mona).list(User, q=str(bob.user.id)).rows == [str(bob.user.id)]


def test_people_are_narrowed_by_rank_and_state(root, alice, bob, person):
    cara, dora = person("cara"), person("dora")
    later = timezone.now() + timedelta(days=1)
    mute_user(root, alice.user.id, "too loud", later)
    suspend_user(root, bob.user.id, "too rude", later)
    ban_user(root, cara.user.id, "spam")
    deactivate_user(root, dora.user.id, "has left")
    desk = Desk(root)

    def names(**query):
        return {User.objects.get(pk=pk).username for pk in desk.list(User, **query).rows}

    assert names(state="muted") == {"alice"}
    assert names(state="suspended") == {"bob"}
    assert names(state="banned") == {"cara"}
    assert names(state="off") == {"dora"}
    assert names(state="fine") == {"root"}
    assert names(role="admin") == {"root"}
    assert names(role="user", state="banned") == {"cara"}


def test_each_state_is_said_in_words(root, alice, bob):
    later = timezone.now() + timedelta(days=1)
    mute_user(root, alice.user.id, "too loud", later)
    ban_user(root, bob.user.id, "spam")
    page = Desk(root).list(User)
    assert "muted until" in page
    assert "banned" in page
    assert "in good standing" in page


# Buttons


def test_warning_somebody(mona, bob, publishes):
    with publishes(UserSanctioned, on=user_stream(bob.user.id)):
        page = Desk(mona).act("warn", [bob.user], reason="be kind to newcomers")
    assert page.done == ["bob"]
    sanction = Sanction.objects.get()
    assert (sanction.kind, sanction.reason, sanction.by.username) == ("warn", "be kind to newcomers", "mona")
    entry = last_entry()
    assert (entry.action, entry.via, entry.detail.actor_name) == ("user.warn", "admin", "mona")


def test_muting_somebody_for_a_while(mona, bob, plaza):
    Desk(mona).act("mute", [bob.user], reason="too loud", ends_in="24h")
    assert again(bob).person.is_muted()
    from accounts.errors import Muted

    with pytest.raises(Muted):
        send_message(again(bob), plaza.id, "hello?")
    assert timedelta(hours=23) < Sanction.objects.get().ends_at - timezone.now() < timedelta(hours=25)


def test_suspending_somebody_ends_their_sign_ins_and_closes_their_sockets(mona, bob, publishes):
    browser = Desk(bob)
    with publishes(UserSanctioned, on=user_stream(bob.user.id)) as published:
        Desk(mona).act("suspend", [bob.user], reason="threats", ends_in="7d")
    assert list(published.event.effects()) == [Close(bob.user.id, 4011)]
    assert not UserSession.objects.filter(user=bob.user, ended_at=None).exists()
    assert browser.client.get("/admin/").status_code == 302  # a visitor again
    assert last_entry().action == "user.suspend"


def test_a_moderator_is_not_offered_more_than_thirty_days(root, mona, bob):
    assert 'value="365d"' in Desk(root).press("suspend", [bob.user]).html
    desk = Desk(mona)
    assert 'value="365d"' not in desk.press("suspend", [bob.user]).html
    page = desk.act("suspend", [bob.user], reason="threats", ends_in="365d")
    assert 'data-testid="reason-form"' in page.html
    assert not Sanction.objects.exists()


def test_a_moderators_longer_suspension_is_refused_by_the_action(mona, bob):
    day = timezone.now() + timedelta(days=60)
    page = Desk(mona).act("suspend", [bob.user], reason="threats", ends_in="other", until=f"{day:%Y-%m-%dT%H:%M}")
    assert page.refused == {"bob": "permission_denied"}
    assert not Sanction.objects.exists()


def test_banning_somebody(root, bob, publishes):
    with publishes(UserSanctioned, on=user_stream(bob.user.id)) as published:
        page = Desk(root).act("ban", [bob.user], reason="spam again")
    assert page.done == ["bob"]
    assert list(published.event.effects()) == [Close(bob.user.id, 4011)]
    assert again(bob).person.banned_at is not None


def test_lifting_everything_that_holds_for_somebody(root, bob):
    later = timezone.now() + timedelta(days=1)
    mute_user(root, bob.user.id, "too loud", later)
    ban_user(root, bob.user.id, "spam")
    warn_user(root, bob.user.id, "be kind")
    page = Desk(root).act("lift", [bob.user], reason="a mistake")
    assert len(page.done) == 2
    assert again(bob).person.is_usable()
    assert not again(bob).person.is_muted()


def test_lifting_where_nothing_holds_says_so(root, bob, publishes):
    page = Desk(root).press("lift", [bob.user])
    assert "nothing to do" in page


def test_one_lift_one_event(root, bob, publishes):
    ban_user(root, bob.user.id, "spam")
    with publishes(SanctionLifted, on=user_stream(bob.user.id)):
        Desk(root).act("lift", [bob.user], reason="a mistake")


def test_signing_somebody_out_everywhere(root, bob, publishes):
    with publishes(SessionEnded, on=user_stream(bob.user.id)) as published:
        Desk(root).act("sign_out", [bob.user], reason="a lost phone")
    assert {effect.code for effect in published.event.effects()} == {4010}


def test_deactivating_and_reactivating_an_account(root, bob, publishes):
    desk = Desk(root)
    with publishes(ProfileUpdated, on=user_stream(bob.user.id)) as published:
        desk.act("deactivate", [bob.user], reason="has left")
    assert list(published.event.effects()) == [Close(bob.user.id, 4011)]
    assert not again(bob).person.is_active
    desk.act("reactivate", [bob.user], reason="is back")
    assert again(bob).person.is_active
    assert last_entry().action == "user.reactivate"


def test_a_page_offers_only_what_changes_something(root, bob):
    page = Desk(root).page(bob.user)
    assert "Deactivate…" in page
    assert "Reactivate…" not in page


def test_changing_somebodys_rank(root, bob):
    page = Desk(root).act("change_rank", [bob.user], reason="helps out", pick="moderator")
    assert page.done == ["bob"]
    assert again(bob).person.role == SiteRole.MODERATOR
    entry = last_entry()
    assert (entry.action, entry.via, entry.detail.reason) == ("role.change", "admin", "helps out")


def test_a_rank_that_is_none_is_refused_by_the_form(root, bob):
    page = Desk(root).act("change_rank", [bob.user], reason="helps out", pick="superuser")
    assert 'data-testid="reason-form"' in page.html
    assert again(bob).person.role == SiteRole.USER


def test_the_last_administrator_stays(root, person):
    ada = person("ada", SiteRole.ADMIN)
    page = Desk(root).act("change_rank", [root.user, ada.user], reason="a new team", pick="user")
    assert page.refused == {"root": "permission_denied"}
    assert page.done == ["ada"]


def test_a_refusal_stands_on_its_row_and_the_others_go_on(root, mona, bob, person):
    meg = person("meg", SiteRole.MODERATOR)
    desk = Desk(mona)
    asked = desk.press("warn", [root.user, meg.user, mona.user, bob.user])
    assert asked.expected_refusals == {
        "root": "moderators never act on staff",
        "meg": "moderators never act on staff",
        "mona": "nobody acts on themselves",
    }
    page = desk.send(asked, "warn", [root.user], reason="be kind")
    assert page.refused == dict.fromkeys(["root", "meg", "mona"], "permission_denied")
    assert page.done == ["bob"]
    assert [sanction.user.username for sanction in Sanction.objects.all()] == ["bob"]


def test_each_refusal_is_written_down(root, mona, publishes_nothing):
    with publishes_nothing():
        Desk(mona).act("warn", [root.user], reason="no you do not")
    entry = last_entry()
    assert (entry.action, entry.outcome, entry.via) == ("user.warn", "permission_denied", "admin")
    assert "refused: permission denied" in Desk(root).get("/admin/")


def test_a_button_on_a_persons_page_leads_to_the_same_reason_page(mona, bob):
    desk = Desk(mona)
    page = desk.page(bob.user)
    assert 'action="/admin/accounts/user/act/suspend/"' in page.html
    back = f"/admin/accounts/user/{bob.user.id}/change/"
    asked = desk.client.post("/admin/accounts/user/act/suspend/", {"ids": str(bob.user.id), "back": back})
    assert 'data-testid="reason-form"' in asked.content.decode()
    assert f'href="{back}"' in asked.content.decode()


# The page


def test_a_page_tells_what_holds_and_who_decided_it(root, mona, bob):
    mute_user(mona, bob.user.id, "too loud", timezone.now() + timedelta(days=1))
    page = Desk(root).page(bob.user)
    assert "muted until" in page
    assert "mona: too loud" in page


def test_a_page_has_sanctions_of_site_and_rooms_on_one_line_of_time(root, alice, bob, plaza):
    warn_user(root, bob.user.id, "be kind")
    kick_member(alice, plaza.id, bob.user.id, reason="cool down")
    page = Desk(root).page(bob.user)
    assert page.html.index("cool down") < page.html.index("be kind")
    assert "the whole site" in page


def test_an_administrators_page_has_what_a_moderators_has_not(root, mona, alice, bob, den, plaza):
    kick_member(alice, den.id, bob.user.id, reason="told secrets")
    Desk(bob)  # signed in by a browser, from an address
    shown, cut = Desk(root).page(bob.user), Desk(mona).page(bob.user)
    for text in ("bob@example.org", "Sign-ins in force", "127.0.0.1", "told secrets"):
        assert text in shown, text
        assert text not in cut, text
    assert "plaza" in cut
    assert "den" in Desk(root).page(alice.user)
    assert ">den<" not in Desk(mona).page(alice.user).html


def test_a_page_shows_no_message_and_no_direct_conversation(root, alice, bob, plaza):
    room = open_direct_room(alice, [bob.user.id])[0].room
    send_message(alice, room.id, "between us two")
    send_message(alice, plaza.id, "to everybody")
    page = Desk(root).page(alice.user)
    assert "between us two" not in page
    assert "to everybody" not in page
    assert str(room.id) not in page


def test_history_is_what_the_log_says_about_the_person(root, mona, bob):
    warn_user(root, bob.user.id, "be kind")
    page = Desk(mona).get(f"/admin/accounts/user/{bob.user.id}/history/")
    assert "be kind" in page
    assert "warned" in page


def test_a_persons_words_are_shown_as_text(root, bob):
    User.objects.filter(pk=bob.user.pk).update(display_name="<b>bob</b>", bio="<script>alert(1)</script>")
    html = Desk(root).page(bob.user).html + Desk(root).list(User).html
    assert "<b>bob</b>" not in html
    assert "<script>alert" not in html


def test_fifty_people_stand_on_a_page(root, plaza):
    fill(plaza, members=120)
    desk = Desk(root)
    first = desk.list(User)
    assert len(first.rows) == 50
    assert "Page 1 of 3" in first
    last = desk.list(User, p="3")
    assert len(last.rows) == 123 - 100
    assert not set(first.rows) & set(last.rows)
