"""Start-up checks, /ready and /metrics, as an operator meets them."""

import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import RequestFactory

from lairchat import checks, config
from lairchat.ops.health import health
from lairchat.ops.metrics import may_see_metrics, metrics
from lairchat.ops.ready import ready


@pytest.fixture
def configured(monkeypatch, tmp_path):
    """Put a configuration in force for one test."""

    def put(**overrides):
        path = tmp_path / "data"
        found = config.load({"LAIR_DATA_DIR": str(path)}, overrides=overrides)
        monkeypatch.setattr(config, "_current", found)
        return found

    return put


def ids(messages):
    return [message.id for message in messages]


def test_an_installation_left_as_it_came_has_nothing_to_say(configured):
    configured()
    found = [
        *checks.check_debug(None),
        *checks.check_hosts(None),
        *checks.check_cors(None),
        *checks.check_data_directory(None),
        *checks.check_limits(None),
        *checks.check_plain_http(None),
        *checks.check_durability(None),
    ]
    assert ids(found) == ["lair.E002"] * ("*" in __import__("django.conf").conf.settings.ALLOWED_HOSTS)


def test_what_an_operator_may_get_wrong_is_named(configured, settings):
    current = configured(
        **{"limits_on": False, "database.synchronous": "NORMAL", "site.address": "http://chat.example"}
    )
    settings.DEBUG = True
    settings.ALLOWED_HOSTS = ["*"]
    settings.CORS_ALLOW_CREDENTIALS = True
    current.data_dir.chmod(0o777)
    assert ids(checks.check_debug(None)) == ["lair.E001"]
    assert ids(checks.check_hosts(None)) == ["lair.E002"]
    assert ids(checks.check_cors(None)) == ["lair.E003"]
    assert ids(checks.check_data_directory(None)) == ["lair.E005"]
    assert ids(checks.check_limits(None)) == ["lair.W001"]
    assert ids(checks.check_plain_http(None)) == ["lair.W002"]
    assert ids(checks.check_durability(None)) == ["lair.W003"]


@pytest.mark.promise("S21")
def test_health_says_up_and_no_version_of_the_software(rf):
    assert health(rf.get("/health")).content == b'{"status":"healthy","version":"1.0"}'


@pytest.mark.django_db
@pytest.mark.promise("F12")
def test_ready_is_200_with_the_right_schema_and_503_with_another(rf):
    assert (ready(rf.get("/ready")).status_code, ready(rf.get("/ready")).content) == (
        200,
        b'{"ready": true, "database": "connected"}',
    )
    MigrationRecorder(connection).migration_qs.filter(app="accounts").delete()
    assert ready(rf.get("/ready")).status_code == 503


@pytest.mark.promise("F4")
def test_ready_is_503_without_a_database(rf, django_db_blocker, monkeypatch):
    from django.db import OperationalError

    def refuse(*_args, **_kwargs):
        raise OperationalError("the server closed the connection")

    monkeypatch.setattr(connection, "cursor", refuse)
    with django_db_blocker.unblock():
        answer = ready(rf.get("/ready"))
    assert (answer.status_code, b"closed" in answer.content) == (503, False)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("address", "forwarded", "authorization", "allowed"),
    [
        ("127.0.0.1", False, "", True),
        ("::1", False, "", True),
        ("127.0.0.1", True, "", False),
        ("203.0.113.7", False, "", False),
        ("203.0.113.7", False, "Bearer letmein", True),
        ("203.0.113.7", True, "Bearer letmein", True),
        ("203.0.113.7", False, "Bearer other", False),
    ],
)
@pytest.mark.promise("S21")
def test_metrics_are_for_this_machine_or_the_token(configured, address, forwarded, authorization, allowed):
    configured(metrics_token="letmein")
    request = RequestFactory().get("/metrics", REMOTE_ADDR=address, HTTP_AUTHORIZATION=authorization)
    request.scope = {"forwarded": forwarded}
    assert may_see_metrics(request) is allowed
    assert metrics(request).status_code == (200 if allowed else 403)


def test_without_a_token_no_bearer_is_let_in(configured):
    configured()
    request = RequestFactory().get("/metrics", REMOTE_ADDR="203.0.113.7", HTTP_AUTHORIZATION="Bearer ")
    assert not may_see_metrics(request)


@pytest.mark.django_db
def test_metrics_keep_the_originals_names(configured):
    from lairchat.core.metrics import count_request

    configured()
    for milliseconds in range(1, 101):
        count_request("GET", "/api/v1/rooms/{room_id}", 200, milliseconds / 1000)
    count_request("INVENTED", "unknown", 404, 0.5)
    text = metrics(RequestFactory().get("/metrics")).content.decode()
    labels = 'method="GET",route="/api/v1/rooms/{room_id}",status="200"'
    assert f"http_requests_total{{{labels}}} 100.0" in text
    assert f"http_request_duration_seconds_count{{{labels}}} 100.0" in text
    assert f'http_request_duration_seconds{{{labels[:-12]}quantile="0.5"' not in text  # labels are sorted, see below
    assert 'quantile="0.5"' in text
    assert 'method="other",route="unknown",status="404"' in text
    assert "INVENTED" not in text
