"""People and sign-ins by REST."""

import json
from datetime import timedelta

import pytest
import time_machine
from django.conf import settings
from django.test import Client
from django.utils import timezone

from accounts import tokens
from accounts.actions.login import log_in
from accounts.actions.sessions import log_out
from accounts.actor import Visitor
from accounts.models import User, UserSession
from lairchat.testing.cast import PASSWORD, signed_in

API = "/api/v1"


class Program:
    """A program with a token, or without."""

    def __init__(self, token=None):
        self.client = Client()
        self.headers = {"authorization": f"Bearer {token}"} if token else {}

    def ask(self, method, path, body=None, **headers):
        return self.client.generic(
            method,
            API + path,
            "" if body is None else json.dumps(body),
            content_type="application/json",
            headers=self.headers | headers,
        )

    def get(self, path, **headers):
        return self.ask("GET", path, **headers)

    def post(self, path, body=None):
        return self.ask("POST", path, body)


def program(actor):
    session = UserSession.objects.get(id=actor.session_id)
    return Program(tokens.session_token(session, actor.person))


def code(response):
    return response.status_code, response.json()["error"]["code"]


@pytest.fixture
def browser(alice):
    """Alice's browser: the session cookie and the CSRF cookie."""
    client = Client(enforce_csrf_checks=True)
    client.cookies[settings.SESSION_COOKIE_NAME] = log_in(Visitor("web"), "alice", PASSWORD).cookie
    client.cookies[settings.CSRF_COOKIE_NAME] = "x" * 32
    return client


# At the door.


def test_somebody_registers_and_is_signed_in(db):
    response = Program().post("/auth/register", {"username": "carol", "email": "c@example.org", "password": "8 chars!"})
    answer = response.json()
    assert response.status_code == 201
    assert answer["user"]["email"] == "c@example.org"
    assert answer["session"].keys() == {"id", "expires_at"}
    me = Program(answer["token"]).get("/users/me").json()["user"]
    assert me == answer["user"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"username": "_", "email": "c@example.org", "password": "8 chars!"}, (400, "username_invalid")),
        ({"username": "carol", "email": "c", "password": "8 chars!"}, (400, "email_invalid")),
        ({"username": "carol", "email": "c@example.org", "password": "short"}, (400, "password_too_weak")),
        ({"username": "Alice", "email": "c@example.org", "password": "8 chars!"}, (409, "username_taken")),
        ({"username": "carol", "email": "alice@example.org", "password": "8 chars!"}, (409, "email_taken")),
        ({"username": "carol"}, (422, "validation_failed")),
        ({"username": 7, "email": "c@example.org", "password": "8 chars!"}, (422, "validation_failed")),
        ([], (422, "validation_failed")),
    ],
)
def test_who_cannot_register_is_told_why(alice, body, expected):
    assert code(Program().post("/auth/register", body)) == expected


def test_nobody_registers_as_administrator(db):
    body = {"username": "carol", "email": "c@example.org", "password": "8 chars!", "role": "admin", "is_active": False}
    assert Program().post("/auth/register", body).json()["user"]["role"] == "user"


def test_somebody_signs_in_and_out(alice):
    answer = Program().post("/auth/login", {"identifier": "alice", "password": PASSWORD}).json()
    carried = Program(answer["token"])
    assert carried.get("/users/me").status_code == 200
    assert carried.post("/auth/logout").json() == {"success": True}
    assert code(carried.get("/users/me")) == (401, "session_not_found")


def test_a_wrong_password_and_an_unknown_name_are_answered_the_same(alice):
    wrong = Program().post("/auth/login", {"identifier": "alice", "password": "no"})
    unknown = Program().post("/auth/login", {"identifier": "nobody", "password": "no"})
    assert code(wrong) == (401, "invalid_credentials")
    assert wrong.content == unknown.content


def test_a_stale_token_does_not_keep_anybody_from_signing_in(alice):
    stale = Program("stale")
    assert stale.post("/auth/login", {"identifier": "alice", "password": PASSWORD}).status_code == 200


def test_too_many_failures_are_told_how_long_to_wait(alice):
    for _ in range(5):
        Program().post("/auth/login", {"identifier": "alice", "password": "no"})
    response = Program().post("/auth/login", {"identifier": "alice", "password": PASSWORD})
    assert code(response) == (429, "rate_limited")
    assert int(response["Retry-After"]) == response.json()["error"]["details"]["retry_after"] > 0


def test_a_session_gives_another_token(alice):
    answer = program(alice).post("/auth/refresh").json()
    assert answer.keys() == {"token", "expires_at"}
    assert Program(answer["token"]).get("/users/me").status_code == 200


def test_a_pair_of_tokens_rotates(alice):
    first = Program().post("/auth/token", {"identifier": "alice", "password": PASSWORD}).json()
    assert first.keys() == {"access", "refresh", "expires_at"}
    second = Program().post("/auth/token/refresh", {"refresh": first["refresh"]}).json()
    assert Program(second["access"]).get("/users/me").status_code == 200
    assert code(Program().post("/auth/token/refresh", {"refresh": first["refresh"]})) == (401, "session_not_found")
    assert code(Program(second["access"]).get("/users/me")) == (401, "session_not_found")
    assert code(Program().post("/auth/token/refresh", {"refresh": "x"})) == (401, "invalid_token")


def test_a_password_is_changed(alice):
    asked = program(alice)
    wrong = asked.post("/auth/change-password", {"current_password": "no", "new_password": "8 chars!"})
    assert code(wrong) == (400, "incorrect_password")
    right = asked.post("/auth/change-password", {"current_password": PASSWORD, "new_password": "8 chars!"})
    assert right.json() == {"success": True}
    assert Program().post("/auth/login", {"identifier": "alice", "password": "8 chars!"}).status_code == 200


# Credentials (protocol-v1.md, 6.1).


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, ("missing_token", "Authorization header required")),
        ("", ("invalid_format", "Authorization header must be 'Bearer <token>'")),
        ("Basic abc", ("invalid_format", "Authorization header must be 'Bearer <token>'")),
        ("bearer abc", ("invalid_format", "Authorization header must be 'Bearer <token>'")),
        ("Bearer ", ("invalid_format", "Authorization header must be 'Bearer <token>'")),
        ("Bearer abc", ("invalid_token", "Invalid token: it was not issued by this server")),
    ],
)
def test_without_a_good_token_nobody_is_let_in(db, header, expected):
    headers = {} if header is None else {"authorization": header}
    response = Program().get("/users/me", **headers)
    error = response.json()["error"]
    assert (response.status_code, response["WWW-Authenticate"]) == (401, "Bearer")
    assert (error["code"], error["message"]) == expected


def test_an_expired_token_says_so(alice):
    asked = program(alice)
    with time_machine.travel(timezone.now() + timedelta(hours=25)):
        assert code(asked.get("/users/me")) == (401, "token_expired")


def test_an_expired_session_says_so(alice):
    asked = program(alice)
    UserSession.objects.filter(id=alice.session_id).update(expire_date=timezone.now() - timedelta(seconds=1))
    assert code(asked.get("/users/me")) == (401, "session_expired")


def test_a_disabled_account_says_so(alice):
    asked = program(alice)
    User.objects.filter(pk=alice.user_id).update(is_active=False)
    assert code(asked.get("/users/me")) == (403, "account_disabled")


def test_a_browser_reads_with_its_cookie_alone(browser):
    assert browser.get(f"{API}/users/me").json()["user"]["username"] == "alice"


@pytest.mark.promise("S8")
def test_a_browser_writes_only_with_the_csrf_token(browser):
    url = f"{API}/users/me"
    assert code(browser.patch(url, {"bio": "x"}, content_type="application/json")) == (403, "csrf_failed")
    wrong = browser.patch(url, {"bio": "x"}, content_type="application/json", headers={"x-csrftoken": "y" * 32})
    assert code(wrong) == (403, "csrf_failed")
    right = browser.patch(url, {"bio": "x"}, content_type="application/json", headers={"x-csrftoken": "x" * 32})
    assert right.json()["user"]["bio"] == "x"


def test_a_browser_whose_sign_in_ended_is_sent_away(browser, alice):
    for session in UserSession.objects.filter(kind="web"):
        log_out(alice.__class__(alice.user, "web", session.id))
    assert code(browser.get(f"{API}/users/me")) == (401, "session_not_found")


@pytest.mark.promise("S2")
def test_a_token_is_never_read_from_a_cookie(alice):
    session = UserSession.objects.get(id=alice.session_id)
    client = Client()
    client.cookies[settings.SESSION_COOKIE_NAME] = tokens.session_token(session, alice.person)
    assert client.get(f"{API}/users/me").status_code == 401


def test_a_request_is_known_in_three_statements_at_most(alice, django_assert_max_num_queries):
    asked = program(alice)
    with django_assert_max_num_queries(1):
        assert asked.get("/users/me").status_code == 200


# People.


@pytest.mark.promise("S14")
def test_people_are_listed_without_their_addresses(alice, bob):
    answer = program(alice).get("/users").json()
    assert [row["user"]["username"] for row in answer["users"]] == ["alice", "bob"]
    assert [row["user"]["email"] for row in answer["users"]] == ["alice@example.org", ""]
    assert (answer["has_more"], answer["total_count"]) == (False, 2)
    assert {row["online"] for row in answer["users"]} == {False}


def test_the_list_has_pages_and_a_search(alice, bob, mallory):
    asked = program(alice)
    page = asked.get("/users?limit=2&offset=0").json()
    assert (len(page["users"]), page["has_more"], page["total_count"]) == (2, True, 3)
    assert [row["user"]["username"] for row in asked.get("/users?search=MAL").json()["users"]] == ["mallory"]
    assert asked.get("/users?online_only=true").json()["users"] == []


@pytest.mark.parametrize("query", ["limit=abc", "limit=0", "offset=-1", "offset=99999999999", "online_only=perhaps"])
def test_a_bad_page_is_refused(alice, query):
    status, name = code(program(alice).get(f"/users?{query}"))
    assert (status in (400, 422), name) == (True, "validation_failed")


def test_somebody_is_looked_up(alice, bob):
    answer = program(alice).get(f"/users/{bob.user_id}").json()
    assert (answer["user"]["username"], answer["user"]["email"], answer["online"]) == ("bob", "", False)


@pytest.mark.parametrize("user_id", ["nobody", "00000000-0000-4000-8000-000000000000"])
def test_nobody_is_not_found(alice, user_id):
    assert code(program(alice).get(f"/users/{user_id}")) == (404, "user_not_found")


@pytest.mark.promise("S14")
def test_somebody_changes_their_profile_and_nothing_else(alice):
    body = {"display_name": "Alice", "email": None, "role": "admin", "username": "eve", "id": 1}
    answer = program(alice).ask("PATCH", "/users/me", body).json()["user"]
    assert (answer["display_name"], answer["role"], answer["username"]) == ("Alice", "user", "alice")
    assert code(program(alice).ask("PATCH", "/users/me", {"timezone": "Mars"})) == (400, "validation_failed")


def test_somebody_sees_and_ends_their_sessions(alice, bob):
    phone = signed_in(alice.person)
    asked = program(alice)
    listed = asked.get("/users/me/sessions").json()["sessions"]
    assert {row["id"]: row["current"] for row in listed} == {str(alice.session_id): True, str(phone.session_id): False}
    keys = {"id", "kind", "device", "address", "created_at", "last_seen_at", "expires_at", "current"}
    assert listed[0].keys() == keys
    assert asked.ask("DELETE", f"/users/me/sessions/{phone.session_id}").json() == {"success": True}
    assert code(asked.ask("DELETE", f"/users/me/sessions/{phone.session_id}")) == (404, "session_not_found")
    assert code(asked.ask("DELETE", f"/users/me/sessions/{bob.session_id}")) == (404, "session_not_found")
    assert code(asked.ask("DELETE", "/users/me/sessions/x")) == (404, "session_not_found")
    signed_in(alice.person)
    assert asked.ask("DELETE", "/users/me/sessions").json() == {"success": True}
    assert len(asked.get("/users/me/sessions").json()["sessions"]) == 1


# Staff.


def test_staff_give_and_lift_sanctions(root, alice):
    asked = program(root)
    until = (timezone.now() + timedelta(hours=1)).isoformat()
    for kind in ("warn", "mute", "suspend", "ban"):
        body = {"kind": kind, "reason": "spam, three times", "until": until}
        response = asked.post(f"/admin/users/{alice.user_id}/sanctions", body)
        sanction = response.json()["sanction"]
        assert (response.status_code, sanction["kind"], sanction["scope"]) == (201, kind, "site")
        lifted = asked.post(f"/admin/sanctions/{sanction['id']}/lift", {"reason": "a mistake"}).json()["sanction"]
        assert lifted["lifted_at"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"kind": "exile", "reason": "spam, three times"}, (422, "validation_failed")),
        ({"kind": "mute", "reason": "spam, three times"}, (400, "sanction_end_invalid")),
        ({"kind": "mute", "reason": "spam, three times", "until": "soon"}, (422, "validation_failed")),
        (
            {"kind": "mute", "reason": "spam, three times", "until": "2999-01-01T00:00:00"},
            (400, "sanction_end_invalid"),
        ),
        ({"kind": "warn", "reason": ""}, (400, "reason_invalid")),
        ({"kind": "warn"}, (422, "validation_failed")),
    ],
)
def test_a_sanction_that_cannot_be_is_refused(root, alice, body, expected):
    assert code(program(root).post(f"/admin/users/{alice.user_id}/sanctions", body)) == expected


def test_who_is_not_staff_sanctions_nobody(bob, alice):
    body = {"kind": "warn", "reason": "I do not like you"}
    assert code(program(bob).post(f"/admin/users/{alice.user_id}/sanctions", body)) == (403, "permission_denied")


def test_an_administrator_changes_a_rank(root, alice):
    body = {"role": "moderator", "reason": "helps out"}
    answer = program(root).ask("PUT", f"/admin/users/{alice.user_id}/role", body).json()
    assert (answer["user"]["role"], answer["user"]["email"]) == ("moderator", "")


def test_an_administrator_ends_sessions(root, alice):
    asked = program(alice)
    ended = program(root).ask("DELETE", f"/admin/users/{alice.user_id}/sessions", {"reason": "lost phone"})
    assert ended.json() == {"success": True}
    assert code(asked.get("/users/me")) == (401, "session_not_found")
