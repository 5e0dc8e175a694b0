"""The account pages, without script."""

import re
from datetime import timedelta

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from accounts.actions.registration import setup_code, setup_steps
from accounts.actions.sanctions import ban_user, suspend_user
from accounts.actor import Actor
from accounts.models import User, UserSession
from accounts.roles import SiteRole
from accounts.views import safe_next
from lairchat.testing.cast import PASSWORD, again, signed_in

GOOD = "correct horse battery"


class Browser:
    """A person with a browser: forms are sent as the page has them, with its CSRF token."""

    def __init__(self):
        self.client = Client(enforce_csrf_checks=True, headers={"user-agent": "Mozilla/5.0 (X11; Linux) Firefox/128.0"})

    def open(self, path):
        return self.client.get(path)

    def send(self, path, *, page=None, **values):
        shown = self.client.get(page or path).content.decode()
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', shown)[1]
        return self.client.post(path, values | {"csrfmiddlewaretoken": token})

    def sign_in(self, identifier="alice", password=PASSWORD, **values):
        return self.send("/login", identifier=identifier, password=password, **values)


@pytest.fixture
def browser():
    return Browser()


@pytest.fixture
def inside(browser, alice):
    """Alice's browser, signed in."""
    browser.sign_in()
    return browser


# In and out.


def test_somebody_signs_in_and_comes_to_the_chat(browser, alice):
    response = browser.sign_in()
    assert (response.status_code, response["Location"]) == (302, "/")
    cookie = response.cookies[settings.SESSION_COOKIE_NAME]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/")
    assert 29 * 86400 < cookie["max-age"] <= 30 * 86400
    session = UserSession.objects.get(kind="web")
    assert (session.device, cookie.value != session.session_key) == ("Firefox on Linux", True)


def test_somebody_comes_back_to_where_they_were_going(browser, alice):
    guarded = browser.open("/settings/profile")
    assert guarded["Location"] == "/login?next=/settings/profile"
    assert 'value="/settings/profile"' in browser.open(guarded["Location"]).content.decode()
    assert browser.sign_in(next="/settings/profile")["Location"] == "/settings/profile"
    assert browser.open("/login?next=/settings/look")["Location"] == "/settings/look"


@pytest.mark.parametrize(
    "elsewhere",
    ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)", "evil", "///evil.example", ""],
)
def test_a_sign_in_never_leads_elsewhere(elsewhere):
    assert safe_next(elsewhere) == "/"


def test_a_wrong_password_is_told_above_the_form_and_the_name_stays(browser, alice):
    response = browser.sign_in(password="not the password")
    page = response.content.decode()
    assert response.status_code == 401
    assert "Invalid credentials" in page
    assert 'value="alice"' in page
    assert "not the password" not in page
    assert not UserSession.objects.filter(kind="web").exists()


def test_after_too_many_tries_the_page_says_how_long_to_wait(browser, alice):
    for _ in range(5):
        browser.sign_in(password="not the password")
    response = browser.sign_in()
    assert response.status_code == 429
    assert f"Wait {response['Retry-After']} seconds" in response.content.decode()


def test_an_empty_form_says_what_is_missing(browser, db):
    response = browser.send("/login", identifier="", password="")
    assert response.status_code == 400
    assert "This field is required." in response.content.decode()


@pytest.mark.promise("S8")
def test_without_the_csrf_token_nobody_signs_in(browser, alice):
    assert browser.client.post("/login", {"identifier": "alice", "password": PASSWORD}).status_code == 403
    assert not UserSession.objects.filter(kind="web").exists()


def test_signing_in_again_ends_the_older_session_of_the_browser(inside, alice):
    older = UserSession.objects.get(kind="web")
    cookie = inside.client.cookies[settings.SESSION_COOKIE_NAME].value
    inside.send("/login", page="/settings/account", identifier="alice", password=PASSWORD)
    assert inside.client.cookies[settings.SESSION_COOKIE_NAME].value != cookie
    assert UserSession.objects.get(id=older.id).end_reason == "signed_out"
    assert inside.open("/settings/account").status_code == 200


def test_signing_out_ends_the_session_and_deletes_the_cookie(inside):
    response = inside.send("/logout", page="/settings/account")
    assert response["Location"] == "/login?reason=signed_out"
    assert response.cookies[settings.SESSION_COOKIE_NAME].value == ""
    assert UserSession.objects.get(kind="web").end_reason == "signed_out"
    assert "You are signed out" in inside.open(response["Location"]).content.decode()


@pytest.mark.promise("S8")
def test_signing_out_is_never_a_link(inside):
    assert inside.open("/logout").status_code == 405
    assert UserSession.objects.get(kind="web").ended_at is None


def test_a_visitor_who_signs_out_is_not_scolded(browser, db):
    assert browser.send("/logout", page="/login").status_code == 302


@pytest.mark.promise("S9")
def test_pages_are_kept_by_nobody(inside):
    for path in ("/login", "/register", "/account/status", "/settings/profile", "/settings/sessions"):
        assert "no-store" in inside.open(path)["Cache-Control"], path


def test_a_session_ended_elsewhere_ends_on_the_next_page(inside):
    UserSession.objects.filter(kind="web").update(ended_at=timezone.now())
    response = inside.open("/settings/profile")
    assert response["Location"] == "/login?next=/settings/profile"
    assert response.cookies[settings.SESSION_COOKIE_NAME].value == ""


def test_a_page_knows_who_asks_in_one_statement(inside, django_assert_num_queries):
    with django_assert_num_queries(1):
        inside.open("/settings/look")


# Registering.


def test_somebody_registers_and_is_in_the_chat(browser, db):
    response = browser.send("/register", username="carol", email="c@example.org", password=GOOD)
    assert response["Location"] == "/"
    assert browser.open("/settings/account").status_code == 200
    assert User.objects.get().role == SiteRole.USER


@pytest.mark.parametrize(
    ("values", "status", "field"),
    [
        ({"username": "_"}, 400, "username"),
        ({"username": "ALICE"}, 409, "username"),
        ({"email": "c"}, 400, "email"),
        ({"email": "alice@example.org"}, 409, "email"),
        ({"password": "9 chars!!"}, 400, "password"),
        ({"username": "x" * 3000}, 400, "username"),
    ],
)
def test_what_is_wrong_stands_beside_its_field(browser, alice, values, status, field):
    good = {"username": "carol", "email": "c@example.org", "password": GOOD}
    response = browser.send("/register", **(good | values))
    assert response.status_code == status
    assert f'id="error_{field}"' in response.content.decode()
    assert User.objects.count() == 1


def test_somebody_signed_in_has_no_use_for_it(inside):
    assert inside.open("/register")["Location"] == "/"


# The set-up page (must-hold 9).


@pytest.fixture
def steps():
    """What is done once there is an administrator, seen beside what the apps do."""
    seen = []

    def step(actor, name):
        seen.append((actor, name))

    setup_steps.append(step)
    yield seen
    setup_steps.remove(step)


def test_the_printed_link_makes_the_first_administrator_once(browser, db, steps):
    code = setup_code()
    values = {"code": code, "username": "root", "email": "r@example.org", "password": GOOD, "room_name": "Lobby"}
    response = browser.send("/welcome", page=f"/welcome?code={code}", **values)
    assert response["Location"] == "/"
    root = User.objects.get()
    ((actor, room_name),) = steps
    assert (root.role, actor.user, actor.via, room_name) == (SiteRole.ADMIN, root, "web", "Lobby")
    assert browser.open("/settings/account").status_code == 200
    assert Browser().open(f"/welcome?code={code}").status_code == 409
    assert setup_code() is None


@pytest.mark.parametrize("query", ["", "?code=", "?code=guess"])
def test_without_its_code_the_set_up_page_is_closed(browser, db, query):
    setup_code()
    response = browser.open(f"/welcome{query}")
    assert response.status_code == 403
    assert "<form" not in response.content.decode()


def test_a_post_without_the_code_makes_nobody(browser, db, steps):
    code = setup_code()
    values = {"username": "root", "email": "r@example.org", "password": GOOD, "room_name": "Lobby"}
    for wrong in ("", "guess"):
        response = browser.send("/welcome", page=f"/welcome?code={code}", code=wrong, **values)
        assert response.status_code == 403
    assert not User.objects.exists()
    assert not steps


def test_a_mistake_on_the_set_up_page_can_be_mended(browser, db, steps):
    code = setup_code()
    values = {"code": code, "username": "root", "email": "r@example.org", "password": "short", "room_name": "Lobby"}
    response = browser.send("/welcome", page=f"/welcome?code={code}", **values)
    assert (response.status_code, User.objects.exists()) == (400, False)
    assert code in response.content.decode()
    values["password"] = GOOD
    assert browser.send("/welcome", page=f"/welcome?code={code}", **values).status_code == 302


# Why one cannot come in.


def test_somebody_suspended_reads_why_and_till_when(inside, root, alice):
    until = timezone.now() + timedelta(days=3)
    suspend_user(root, alice.user_id, "spam, three times", until)
    page = inside.open("/account/status").content.decode()
    assert "spam, three times" in page
    assert str(until.year) in page


def test_a_ban_counts_more_than_a_suspension(inside, root, alice):
    suspend_user(root, alice.user_id, "spam, three times", timezone.now() + timedelta(days=3))
    ban_user(root, alice.user_id, "and then insults")
    assert "and then insults" in inside.open("/account/status").content.decode()


def test_a_stranger_reads_nothing_of_anybody(browser, root, alice):
    ban_user(root, alice.user_id, "spam, three times")
    browser.client.cookies[settings.SESSION_COOKIE_NAME] = "guess"
    page = browser.open("/account/status")
    assert page.status_code == 200
    assert "spam" not in page.content.decode()


def test_somebody_in_good_standing_reads_no_reason(inside):
    assert inside.open("/account/status").status_code == 200


# Settings.


@pytest.mark.parametrize("section", ["profile", "account", "password", "sessions", "look"])
def test_each_page_of_the_settings_opens_and_is_closed_to_visitors(inside, section):
    page = inside.open(f"/settings/{section}")
    assert page.status_code == 200
    assert page.context["section"] == section
    assert Browser().open(f"/settings/{section}").status_code == 302


def test_the_profile_is_changed(inside, alice):
    values = {"display_name": "Alice", "bio": "hello", "timezone": "Europe/Berlin", "language": "en"}
    response = inside.send("/settings/profile", **values)
    assert response["Location"] == "/settings/profile?saved=1"
    assert "Saved." in inside.open(response["Location"]).content.decode()
    assert again(alice).person.display_name == "Alice"


def test_a_bad_profile_is_told(inside, alice):
    values = {"display_name": "x" * 65, "bio": "", "timezone": "UTC", "language": "en"}
    response = inside.send("/settings/profile", **values)
    assert response.status_code == 400
    assert 'id="error_display_name"' in response.content.decode()


def test_the_address_is_changed(inside, alice, bob):
    taken = inside.send("/settings/account", email="bob@example.org")
    assert (taken.status_code, 'id="error_email"' in taken.content.decode()) == (409, True)
    assert inside.send("/settings/account", email="new@example.org").status_code == 302
    assert again(alice).person.email == "new@example.org"


def test_the_password_is_changed_and_this_browser_stays(inside, alice):
    wrong = inside.send("/settings/password", current_password="no", new_password=GOOD + "!")
    assert 'id="error_current_password"' in wrong.content.decode()
    weak = inside.send("/settings/password", current_password=PASSWORD, new_password="short")
    assert 'id="error_new_password"' in weak.content.decode()
    assert inside.send("/settings/password", current_password=PASSWORD, new_password=GOOD + "!").status_code == 302
    assert inside.open("/settings/password").status_code == 200
    assert UserSession.objects.get(id=alice.session_id).end_reason == "password_changed"


def test_sessions_are_listed_and_ended(inside, alice):
    phone = signed_in(alice.person)
    page = inside.open("/settings/sessions").content.decode()
    assert "Firefox on Linux" in page
    assert str(phone.session_id) in page
    assert inside.send("/settings/sessions", session=str(phone.session_id))["Location"].endswith("?saved=1")
    assert UserSession.objects.get(id=phone.session_id).ended_at
    again_ended = inside.send("/settings/sessions", session=str(phone.session_id))
    assert again_ended["Location"] == "/settings/sessions"
    assert inside.send("/settings/sessions")["Location"].endswith("?saved=1")  # nothing named, nothing ended
    inside.send("/settings/sessions", all="1")
    assert UserSession.objects.filter(user=alice.user, ended_at=None).count() == 1


def test_the_look_is_a_cookie_of_this_browser(inside):
    response = inside.send("/settings/look", theme="dark")
    cookie = response.cookies["lair_theme"]
    assert (cookie.value, cookie["samesite"], cookie["httponly"]) == ("dark", "Lax", "")
    assert inside.open("/settings/look").context["theme"] == "dark"
    assert "lair_theme" not in inside.send("/settings/look", theme="pink").cookies


def test_the_desk_and_the_pages_name_their_door(inside, alice, rf):
    from lairchat.middleware import Account

    seen = []
    middleware = Account(lambda request: seen.append(request.actor.via))
    for path in ("/settings/look", "/admin/"):
        request = rf.get(path)
        from accounts.sessions import SessionStore

        request.session = SessionStore(inside.client.cookies[settings.SESSION_COOKIE_NAME].value)
        middleware(request)
    assert seen == ["web", "admin"]
    assert isinstance(request.actor, Actor)
