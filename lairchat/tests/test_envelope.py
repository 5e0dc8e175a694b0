"""Whatever is refused, wherever, a program gets the one envelope and a person a page; nobody gets a stack."""

import json
import logging

import pytest

from lairchat import config
from lairchat.core.routes import routes
from lairchat.testing.asking import Program
from lairchat.testing.processes import ServerProcess
from lairchat.testing.raw import RawHTTP

UNKNOWN = "00000000-0000-7000-8000-000000000000"


@pytest.fixture
def as_alice(alice):
    return Program(alice)


@pytest.fixture
def visitor(db):
    return Program(None)


def check(answer, status, code):
    """The envelope, and nothing else."""
    assert answer.status == status, answer
    assert answer.body.keys() == {"error"}, answer
    error = answer.body["error"]
    assert error.keys() - {"details"} == {"code", "message", "request_id"}, answer
    assert error["code"] == code, answer
    assert error["message"]
    return error


class TestPaths:
    @pytest.mark.parametrize(
        "path", ["/api/v1/nowhere", "/api/v1/rooms/", "/api/v2/rooms", "/api/", "/api/v1/rooms/x/y/z"]
    )
    def test_a_program_is_told_of_an_unknown_path(self, visitor, path):
        check(visitor.rest("GET", path), 404, "not_found")

    def test_a_person_sees_a_page(self, visitor):
        answer = visitor.rest("GET", "/nowhere")
        assert answer.status == 404
        assert b"Nothing is here" in answer.raw

    @pytest.mark.parametrize("route", routes(), ids=str)
    def test_a_method_that_a_path_does_not_know(self, as_alice, route):
        known = {other.method for other in routes() if other.path == route.path}
        unknown = next(method for method in ("PUT", "PATCH", "POST", "DELETE", "GET") if method not in known)
        path = route.path.replace("{emoji}", "x")
        for name in route.in_path:
            path = path.replace(f"{{{name}}}", UNKNOWN)
        answer = as_alice.rest(unknown, path)
        check(answer, 405, "method_not_allowed")
        assert set(answer.headers["Allow"].split(", ")) - {"HEAD", "OPTIONS"} == known

    def test_an_id_that_is_none_is_answered_as_an_unknown_one(self, as_alice):
        nonsense = check(as_alice.rest("GET", "/api/v1/rooms/nonsense"), 404, "room_not_found")
        unknown = check(as_alice.rest("GET", f"/api/v1/rooms/{UNKNOWN}"), 404, "room_not_found")
        assert nonsense == unknown


class TestSignIn:
    @pytest.mark.parametrize("route", [route for route in routes() if not route.view.open_to_anybody], ids=str)
    def test_a_visitor_is_asked_to_sign_in(self, visitor, route):
        answer = visitor.take(route, dict.fromkeys(route.in_path, UNKNOWN))
        check(answer, 401, "missing_token")
        assert answer.headers["WWW-Authenticate"] == "Bearer"

    @pytest.mark.parametrize(
        ("header", "code"),
        [("Bearer nonsense", "invalid_token"), ("Basic YTpi", "invalid_format"), ("Bearer", "invalid_format")],
    )
    def test_a_credential_that_is_none(self, visitor, header, code):
        check(visitor.rest("GET", "/api/v1/sidebar", headers={"Authorization": header}), 401, code)


class TestBodies:
    @pytest.mark.parametrize("text", ["{", "nul", "{'a': 1}", '{"name": "\ud800"}', '{"a": NaN}', "\x00", '{"a": 1} x'])
    def test_a_body_that_is_no_json(self, as_alice, text):
        answer = as_alice.rest("POST", "/api/v1/rooms", text=text.encode("utf-8", "surrogatepass"))
        check(answer, 400, "validation_failed")

    @pytest.mark.parametrize("text", ["[]", "3", '"name"', "null", "true", "[{}]"])
    def test_a_body_that_is_no_object(self, as_alice, text):
        check(as_alice.rest("POST", "/api/v1/rooms", text=text), 422, "validation_failed")

    def test_a_field_of_the_wrong_type_is_named(self, as_alice):
        error = check(as_alice.rest("POST", "/api/v1/rooms", {"name": 3}), 422, "validation_failed")
        assert "name" in error["message"]

    def test_a_body_of_another_kind(self, as_alice):
        answer = as_alice.rest("POST", "/api/v1/rooms", text="name=x", content_type="application/x-www-form-urlencoded")
        check(answer, 415, "unsupported_media_type")

    def test_an_answer_of_another_kind_is_not_to_be_had(self, as_alice):
        check(as_alice.rest("GET", "/api/v1/rooms", headers={"Accept": "text/html"}), 406, "not_acceptable")


class TestLimits:
    def test_every_answer_says_what_is_left(self, as_alice):
        first = as_alice.rest("GET", "/api/v1/rooms").headers
        second = as_alice.rest("GET", "/api/v1/rooms").headers
        window = config.current().limits.account
        assert first["X-RateLimit-Limit"] == str(window.count)
        assert int(first["X-RateLimit-Remaining"]) - int(second["X-RateLimit-Remaining"]) == 1
        assert 0 < int(first["X-RateLimit-Reset"]) <= window.seconds

    def test_a_refusal_says_it_too(self, as_alice, visitor):
        for answer in (as_alice.rest("POST", "/api/v1/rooms", {}), as_alice.rest("GET", f"/api/v1/rooms/{UNKNOWN}")):
            assert answer.headers["X-RateLimit-Limit"] == str(config.current().limits.account.count)
        stranger = visitor.rest("GET", "/api/v1/rooms", headers={"Authorization": "Bearer nonsense"})
        assert stranger.headers["X-RateLimit-Limit"] == str(config.current().limits.address.count)

    def test_one_request_too_many_is_told_when_to_come_again(self, as_alice, den, tight):
        answers = [as_alice.rest("GET", "/api/v1/rooms") for _ in range(4)]
        assert [answer.status for answer in answers] == [200, 200, 200, 429]
        error = check(answers[3], 429, "rate_limited")
        assert error["details"].keys() == {"retry_after", "limit"}
        assert error["details"]["limit"] == 3
        headers = answers[3].headers
        assert headers["Retry-After"] == headers["X-RateLimit-Reset"] == str(error["details"]["retry_after"])
        assert headers["X-RateLimit-Limit"] == "3"
        assert headers["X-RateLimit-Remaining"] == "0"

    @pytest.fixture
    def tight(self):
        config.reload({"limits.account": "3/60"})
        yield
        config.reload()


@pytest.mark.urls("lairchat.testing.failing_urls")
class TestFailures:
    @pytest.fixture(autouse=True)
    def _quiet(self):
        """What fails here is logged with its stack, as it must be; not into the report of the tests."""
        logging.disable(logging.CRITICAL)
        yield
        logging.disable(logging.NOTSET)

    @pytest.mark.parametrize("path", ["/api/v1/failing", "/api/plain-failing"])
    @pytest.mark.promise("F10")
    def test_a_program_learns_nothing_of_the_cause(self, visitor, path):
        answer = visitor.rest("GET", path)
        check(answer, 500, "internal_error")
        assert b"secret" not in answer.raw
        assert b"Zero" not in answer.raw

    def test_a_person_sees_a_page_without_the_cause(self, visitor):
        answer = visitor.rest("GET", "/failing")
        assert answer.status == 500
        assert b"Something went wrong" in answer.raw
        assert b"secret" not in answer.raw


def test_a_page_of_another_site_may_ask_before_it_calls(visitor):
    asking = {"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "POST"}
    answer = visitor.rest("OPTIONS", "/api/v1/messages", headers=asking)
    assert answer.status == 200
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in answer.headers


def test_a_page_of_another_site_reads_refusals_too(visitor):
    answer = visitor.rest("GET", "/api/v1/nowhere", headers={"Origin": "https://elsewhere.example"})
    check(answer, 404, "not_found")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    data = tmp_path_factory.mktemp("data")
    with ServerProcess(data, "manage.py", "migrate", "--verbosity", "0") as prepared:
        assert prepared.wait() == 0, prepared.output
    with ServerProcess(data, "manage.py", "serve") as server:
        yield server.port


@pytest.mark.processes
class TestOnTheWire:
    """The entry layer refuses in the same words, before Django is asked; each answer has the id of its request."""

    def refused(self, port, status, code, method="GET", path="/api/v1/rooms", body=b"", **headers):
        with RawHTTP(port) as http:
            answered, said, content = http.request(method, path, body, **headers)
        assert answered == status, content
        error = json.loads(content)["error"]
        assert error["code"] == code
        assert error["request_id"]
        assert said["x-request-id"] == error["request_id"]
        assert said["x-content-type-options"] == "nosniff"
        return error

    def test_a_refusal_carries_the_id_of_its_request(self, port):
        self.refused(port, 401, "missing_token")
        self.refused(port, 404, "not_found", path="/api/v1/nowhere")
        self.refused(port, 405, "method_not_allowed", method="PUT", path="/api/v1/auth/login")

    def test_two_requests_have_two_ids(self, port):
        assert self.refused(port, 401, "missing_token") != self.refused(port, 401, "missing_token")

    def test_a_body_too_large(self, port):
        most = config.current().limits.request_body_bytes
        self.refused(port, 413, "too_large", "POST", "/api/v1/auth/login", b"x" * (most + 1))

    def test_a_host_that_is_not_ours(self, port):
        self.refused(port, 400, "unknown_host", host="evil.example")

    def test_a_head_that_is_too_long(self, port):
        self.refused(port, 431, "head_too_large", cookie="x" * 100_000)
