"""The desk itself: who gets in, what there is not, and how buttons behave whatever they do."""

import re
import threading
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection, connections
from django.test import Client
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from accounts.actions.profile import update_profile
from accounts.actions.sanctions import ban_user, suspend_user
from accounts.models import AuditEntry, Sanction, User, UserSession
from accounts.roles import SiteRole
from chat.models import Message
from lairchat.core import admin_reason
from lairchat.testing.cast import again, fill
from lairchat.testing.desk import Desk, last_entry
from rooms.models import Membership, Room, RoomSanction

pytestmark = pytest.mark.django_db

EVERY_LIST = [User, UserSession, Sanction, RoomSanction, Room, Membership, Message, AuditEntry]


def test_a_visitor_is_sent_to_the_sign_in_page_and_back():
    desk = Desk(None)
    answer = desk.client.get("/admin/accounts/user/?role=admin")
    assert answer.status_code == 302
    assert answer["Location"] == "/login?next=%2Fadmin%2Faccounts%2Fuser%2F%3Frole%3Dadmin"


def test_the_desks_own_sign_in_address_leads_to_the_one_sign_in_page():
    answer = Desk(None).client.get("/admin/login/?next=/admin/rooms/room/")
    assert answer["Location"] == "/login?next=%2Fadmin%2Frooms%2Froom%2F"


def test_signing_in_never_leads_away_from_the_desk():
    answer = Desk(None).client.get("/admin/login/?next=https://elsewhere.example/")
    assert answer["Location"] == "/login?next=%2Fadmin%2F"


@pytest.mark.parametrize("role", [SiteRole.USER, SiteRole.GUEST])
@pytest.mark.promise("S19")
def test_somebody_who_is_not_staff_is_refused_every_page(person, role):
    desk = Desk(person("mallory", role))
    addresses = ["/admin/", "/admin/numbers", f"/admin/result/{uuid.uuid4()}/"]
    for address in [*addresses, *(f"/admin/{m._meta.app_label}/{m._meta.model_name}/" for m in EVERY_LIST)]:
        page = desk.get(address)
        assert page.status == 403, address
        assert "moderators and administrators" in page


def test_somebody_who_is_not_staff_cannot_press_a_button(mallory, bob):
    answer = Desk(mallory).client.post("/admin/accounts/user/act/warn/", {"ids": str(bob.user.id)})
    assert answer.status_code == 403


def test_a_moderator_who_is_suspended_is_out_at_once(root, mona):
    desk = Desk(mona)
    assert desk.get("/admin/").status == 200
    suspend_user(root, mona.user.id, "on leave", timezone.now() + timedelta(days=2))
    assert desk.client.get("/admin/").status_code == 302


def test_the_menu_shows_what_the_viewers_rank_allows(root, mona):
    assert "Sessions" in Desk(root).get("/admin/")
    page = Desk(mona).get("/admin/")
    assert "Sessions" not in page
    for entry in ("Sanctions", "Room sanctions", "People", "Rooms", "Members", "Messages", "Staff log"):
        assert entry in page


def test_the_menu_counts_sanctions_in_force(root, bob):
    ban_user(root, bob.user.id, "spam")
    page = Desk(root).get("/admin/")
    assert 'Sanctions <span class="badge">1<' in page.html


@pytest.mark.promise("S19")
def test_a_moderator_cannot_open_what_the_menu_does_not_show(mona):
    assert Desk(mona).list(UserSession).status == 403


@pytest.mark.parametrize(
    "address",
    [
        "auth/group/",
        "auth/permission/",
        "password_change/",
        "autocomplete/?app_label=accounts&model_name=user&field_name=user",
        "jsi18n/",
        "r/1/1/",
        "accounts/",
        "accounts/user/add/",
        "accounts/user/{user}/delete/",
        "accounts/user/{user}/password/",
        "core/submittedform/",
        "admin/logentry/",
    ],
)
def test_what_the_desk_does_not_have(root, bob, address):
    assert Desk(root).get(f"/admin/{address.format(user=bob.user.id)}").status == 404


@pytest.mark.parametrize("name", ["accounts_user_add", "accounts_user_delete", "autocomplete", "auth_group_changelist"])
@pytest.mark.promise("S19")
def test_there_is_no_way_to_an_editor(name):
    with pytest.raises(NoReverseMatch):
        reverse(f"admin:{name}")


def test_an_address_without_its_slash_leads_to_the_list(root):
    answer = Desk(root).client.get("/admin/accounts/user")
    assert (answer.status_code, answer["Location"]) == (302, "/admin/accounts/user/")


def test_a_page_takes_no_values(root, bob):
    desk = Desk(root)
    answer = desk.client.post(f"/admin/accounts/user/{bob.user.id}/change/", {"role": "admin", "username": "boss"})
    assert answer.status_code == 403
    assert again(bob).person.role == SiteRole.USER


@pytest.mark.parametrize("model", EVERY_LIST)
@pytest.mark.parametrize("query", [{"password__startswith": "argon2"}, {"user__email__contains": "a"}, {"e": "1"}])
def test_a_list_answers_only_the_filters_it_shows(root, model, query):
    status = Desk(root).list(model, **query).status
    assert status in ((400,) if "e" not in query else (200, 400))


@pytest.mark.parametrize("model", EVERY_LIST)
@pytest.mark.parametrize("query", [{"_popup": "1"}, {"_to_field": "id"}, {"_to_field": "password"}])
def test_a_list_is_no_window_to_pick_from(root, model, query):
    assert Desk(root).list(model, **query).status == 404


@pytest.mark.parametrize("model", EVERY_LIST)
def test_strange_queries_are_answered_calmly(root, bob, plaza, model):
    desk = Desk(root)
    queries = [
        {"p": "0"},
        {"p": "99999"},
        {"p": "x"},
        {"o": "1.-2.99"},
        {"all": ""},
        {"q": "'; -- %_\\"},
        {"q": "\x00"},
        {"q": "x" * 3000},
        {"since": "9999-12-31", "before": "0001-01-01"},
        {"since": "soon"},
        {"state": "no such state"},
        {"person": "not an id"},
        {"room": "not an id"},
    ]
    for query in queries:
        answer = desk.client.get(f"/admin/{model._meta.app_label}/{model._meta.model_name}/", query)
        assert answer.status_code in (200, 302, 400), query


@pytest.mark.parametrize("address", ["not-an-id", "0", "00000000-0000-7000-8000-000000000000"])
@pytest.mark.parametrize("model", EVERY_LIST)
def test_a_row_that_is_not_there_is_not_found(root, model, address):
    prefix = f"/admin/{model._meta.app_label}/{model._meta.model_name}/{address}"
    assert Desk(root).get(f"{prefix}/change/").status == 404
    assert Desk(root).get(f"{prefix}/history/").status == 404


def test_the_content_policy_has_no_inline_anything_and_no_trusted_types(root):
    policy = Desk(root).get("/admin/accounts/user/").response["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "style-src 'self'" in policy
    assert "unsafe" not in policy
    assert "trusted-types" not in policy


@pytest.mark.parametrize("model", EVERY_LIST)
@pytest.mark.promise("S9")
def test_pages_hold_no_inline_script_style_or_handler(root, mona, plaza, bob, model):
    html = Desk(root).list(model).html
    assert "style=" not in html
    assert not re.search(r"<script(?![^>]*\ssrc=)", html)
    assert not re.search(r"\son[a-z]+=", html)
    assert "<style" not in html


def test_pages_are_not_kept_by_anybody(root):
    assert "no-store" in Desk(root).get("/admin/").response["Cache-Control"]


def test_signing_out_by_a_link_does_nothing(root):
    desk = Desk(root)
    assert desk.client.get("/admin/logout/").status_code == 405
    assert desk.get("/admin/").status == 200


def test_signing_out_is_a_form_for_our_own_page(root):
    answer = Desk(root).client.post("/admin/logout/")
    assert (answer.status_code, answer["Location"]) == (307, "/logout")


@pytest.mark.promise("S8")
def test_a_form_without_its_token_is_refused(root, bob):
    desk = Desk(root)
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = desk.client.cookies
    answer = strict.post("/admin/accounts/user/act/warn/", {"ids": str(bob.user.id)})
    assert answer.status_code == 403
    assert not Sanction.objects.exists()


# The reason page


def test_the_first_press_of_a_button_changes_nothing(root, bob, publishes_nothing):
    desk = Desk(root)
    before = AuditEntry.objects.count()
    with publishes_nothing():
        page = desk.press("ban", [bob.user])
    assert page.status == 200
    assert 'data-testid="reason-form"' in page.html
    assert "bob" in page
    assert again(bob).person.banned_at is None
    assert AuditEntry.objects.count() == before


@pytest.mark.parametrize("reason", ["", "  ", "no", "x" * 501, "bell\x07bell"])
def test_without_a_reason_nothing_is_done(root, bob, reason, publishes_nothing):
    with publishes_nothing():
        page = Desk(root).act("warn", [bob.user], reason=reason)
    assert 'data-testid="reason-form"' in page.html
    assert "Give a reason" in page or "control characters" in page or "at most 500" in page
    assert not Sanction.objects.exists()


def test_a_preset_is_reason_enough(root, bob):
    Desk(root).act("warn", [bob.user], preset="Spam or advertising")
    assert Sanction.objects.get().reason == "Spam or advertising"


def test_own_words_follow_the_preset(root, bob):
    Desk(root).act("warn", [bob.user], preset="Spam or advertising", reason="three times today")
    assert Sanction.objects.get().reason == "Spam or advertising: three times today"


def test_an_end_in_the_past_is_shown_beside_its_field(root, bob):
    page = Desk(root).act("mute", [bob.user], reason="too loud", ends_in="other", until="2020-01-01T12:00")
    assert 'id="id_until_error"' in page.html
    assert not Sanction.objects.exists()


def test_the_same_form_is_right_after_its_error_was_mended(root, bob):
    desk = Desk(root)
    wrong = desk.act("mute", [bob.user], reason="too loud", ends_in="other", until="2020-01-01T12:00")
    page = desk.send(wrong, "mute", [bob.user], reason="too loud", ends_in="8h")
    assert page.done == ["bob"]


def test_an_end_at_a_time_needs_the_time(root, bob):
    page = Desk(root).act("mute", [bob.user], reason="too loud", ends_in="other")
    assert "Give the time" in page


def test_an_end_is_meant_in_the_viewers_time_zone(root, bob):
    update_profile(root, timezone="Asia/Tokyo")
    day = datetime.now(UTC) + timedelta(days=3)
    page = Desk(root).act("mute", [bob.user], reason="too loud", ends_in="other", until=f"{day:%Y-%m-%d}T21:00")
    assert page.done == ["bob"]
    assert Sanction.objects.get().ends_at == day.replace(hour=12, minute=0, second=0, microsecond=0)


def test_a_form_sent_twice_is_done_once(root, bob):
    desk = Desk(root)
    reason_page = desk.press("warn", [bob.user])
    first = desk.send(reason_page, "warn", [bob.user], reason="be kind")
    second = desk.send(reason_page, "warn", [bob.user], reason="be kind")
    assert Sanction.objects.count() == 1
    assert first.done == second.done == ["bob"]


@pytest.mark.django_db(transaction=True)
def test_of_two_who_send_a_form_at_the_same_moment_one_is_first():
    key, user_id, barrier, answers = uuid.uuid4(), uuid.uuid4(), threading.Barrier(2), []

    def send() -> None:
        barrier.wait()
        answers.append(admin_reason.claim(key, user_id, "Warn people", "/admin/"))
        connection.close()

    threads = [threading.Thread(target=send) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    connections.close_all()
    assert sorted(answers) == [False, True]


def test_only_who_sent_a_form_reads_its_result(root, mona, bob):
    page = Desk(root).act("warn", [bob.user], reason="be kind")
    address = page.response.request["PATH_INFO"]
    assert Desk(root).get(address).status == 200
    assert Desk(mona).get(address).status == 404


def test_one_form_does_not_tell_anothers_result(root, mona, bob):
    reason_page = Desk(root).press("warn", [bob.user])
    key = reason_page.field("key")
    Desk(root).send(reason_page, "warn", [bob.user], reason="be kind")
    desk = Desk(mona)
    own = desk.press("warn", [bob.user])
    assert desk.send(own, "warn", [bob.user], reason="be kind", key=key).status == 404
    assert Sanction.objects.count() == 1


def test_more_than_a_hundred_are_typed(root, plaza):
    fill(plaza, members=101)
    people = list(User.objects.filter(username__startswith="member"))
    desk = Desk(root)
    untyped = desk.act("warn", people, reason="all of you")
    assert "Type 101 to go on" in untyped
    wrong = desk.act("warn", people, reason="all of you", number="100")
    assert "That is not 101" in wrong
    assert not Sanction.objects.exists()
    assert len(desk.act("warn", people, reason="all of you", number="101").done) == 101


def test_more_than_a_thousand_are_refused(root, plaza):
    fill(plaza, members=1001)
    ids = ",".join(map(str, User.objects.filter(username__startswith="member").values_list("id", flat=True)))
    page = Desk(root).client.post("/admin/accounts/user/act/warn/", {"ids": ids}, follow=True)
    assert "At most 1,000 rows" in page.content.decode()


def test_a_button_without_a_ticked_row_says_so(root):
    answer = Desk(root).client.post("/admin/accounts/user/", {"index": "0", "action": "ban"}, follow=True)
    assert "Items must be selected" in answer.content.decode()


def test_a_button_the_rank_does_not_have_is_refused_also_by_its_address(mona, bob):
    desk = Desk(mona)
    assert desk.client.post("/admin/accounts/user/act/ban/", {"ids": str(bob.user.id)}).status_code == 403
    assert desk.client.post("/admin/accounts/user/act/delete_selected/", {"ids": str(bob.user.id)}).status_code == 403
    assert 'data-testid="reason-form"' not in desk.press("ban", [bob.user]).html


def test_the_way_back_stays_inside_the_desk(root, bob):
    desk = Desk(root)
    for back in ("https://elsewhere.example/", "//elsewhere.example", "/admin/..//elsewhere", "/login"):
        page = desk.client.post("/admin/accounts/user/act/warn/", {"ids": str(bob.user.id), "back": back})
        assert "elsewhere" not in page.content.decode()


def test_djangos_own_log_stays_empty(root, bob):
    Desk(root).act("ban", [bob.user], reason="spam")
    assert not LogEntry.objects.exists()
    assert last_entry().via == "admin"


def test_a_search_that_finds_nothing_says_so(root):
    assert "Nothing fits" in Desk(root).list(User, q="nobody is called this")


def test_an_empty_list_explains_itself(root):
    assert "Nobody has been sanctioned yet" in Desk(root).list(Sanction)
