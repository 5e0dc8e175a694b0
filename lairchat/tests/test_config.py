"""What an operator may write, and what they are told when it is wrong."""

import json
import threading
from pathlib import Path

import pytest

from lairchat import config
from lairchat.config.document import PAGE, page
from lairchat.config.load import settings
from lairchat.config.secrets import UnsafeSecrets, ensure_secrets

SECRET = "a secret of at least thirty-two characters"


@pytest.fixture
def load(tmp_path):
    """Load from the given environment, with a data directory of its own."""

    def load(environ=(), **kwargs):
        return config.load({"LAIR_DATA_DIR": str(tmp_path / "data"), **dict(environ)}, **kwargs)

    return load


def problems_of(load, environ=(), **kwargs):
    with pytest.raises(config.ConfigError) as caught:
        load(environ, **kwargs)
    return caught.value.problems


def test_nothing_given_means_the_figures_of_the_guarantees(load):
    found = load()
    assert (found.http_port, found.tcp_port, found.host) == (8082, 8080, "127.0.0.1")
    assert found.site.name == "Lair Chat"
    assert found.site.address == "http://127.0.0.1:8082"
    assert found.limits.send == config.Window(20, 4)
    assert found.limits.request_body_bytes == 1024 * 1024
    assert found.limits_on
    assert found.redis_url is None
    assert found.allowed_hosts == ("localhost", "127.0.0.1", "[::1]")


def test_the_environment_wins_over_the_file_and_overrides_over_both(load, tmp_path):
    file = tmp_path / "lair.toml"
    file.write_text('http_port = 1\n[site]\nname = "File"\n[limits]\nsend = "1/1"\nedits = {count = 3, seconds = 7}\n')
    environ = {"LAIR_CONFIG": str(file), "LAIR_HTTP_PORT": "2", "LAIR_SITE_NAME": "Environment"}
    found = load(environ, overrides={"site.name": "Override"})
    assert (found.http_port, found.site.name) == (2, "Override")
    assert (found.limits.send, found.limits.edits) == (config.Window(1, 1), config.Window(3, 7))


def test_a_json_file_says_the_same_as_a_toml_file(load, tmp_path):
    file = tmp_path / "lair.json"
    file.write_text(json.dumps({"site": {"name": "J"}, "trusted_proxies": ["10.0.0.0/8"]}))
    found = load(file=file)
    assert (found.site.name, found.trusted_proxies) == ("J", ("10.0.0.0/8",))


def test_a_value_may_stand_in_a_file_of_its_own(load, tmp_path):
    (tmp_path / "jwt").write_text(f"{SECRET}\n")
    assert load({"LAIR_JWT_SECRET_FILE": str(tmp_path / "jwt")}).jwt_secret == SECRET


def test_every_problem_is_told_at_once_with_its_place(load):
    problems = problems_of(
        load,
        {
            "LAIR_HTTP_PORT": "many",
            "LAIR_TCP_PORT": "70000",
            "LAIR_LIMITS": "perhaps",
            "LAIR_LIMITS_SEND": "20",
            "LAIR_SITE_ADDRESS": "chat.example.org",
            "LAIR_DATABASE_URL": "mysql://somewhere/x",
            "LAIR_REDIS_URL": "http://x",
            "LAIR_TRUSTED_PROXIES": "10.0.0.0/8, proxy",
            "LAIR_LOG_LEVEL": "loud",
        },
        overrides={"site.nam": "x"},
    )
    told = {problem.split(" (")[0] for problem in problems}
    assert told == {
        "http_port",
        "tcp_port",
        "limits_on",
        "limits.send",
        "site.address",
        "database.url",
        "redis_url",
        "trusted_proxies",
        "log_level",
        "site.nam",
    }
    assert any("LAIR_HTTP_PORT" in problem and "'many'" in problem and "8082" in problem for problem in problems)
    assert any("Did you mean site.name?" in problem for problem in problems)


@pytest.mark.parametrize("name", ["LAIR_JWT_SECRET", "LAIR_DATABASE_URL", "LAIR_REDIS_URL"])
@pytest.mark.promise("S18")
def test_a_wrong_secret_is_not_repeated_in_the_message(load, name):
    (problem,) = problems_of(load, {name: "hunter2:x"})
    assert "hunter2" not in problem


def test_a_file_that_is_not_there_is_a_problem(load, tmp_path):
    (problem,) = problems_of(load, {"LAIR_CONFIG": str(tmp_path / "none.toml")})
    assert "none.toml" in problem


def test_a_key_both_given_and_in_a_file_is_a_problem(load, tmp_path):
    (problem,) = problems_of(load, {"LAIR_SITE_NAME": "a", "LAIR_SITE_NAME_FILE": str(tmp_path / "x")})
    assert "both" in problem


def test_an_unknown_name_in_the_environment_is_told_but_stops_nothing(load, caplog):
    load({"LAIR_HTTPPORT": "1"})
    assert "Did you mean LAIR_HTTP_PORT?" in caplog.text


def test_every_setting_has_a_meaning_and_a_name_of_its_own(load):
    found = list(settings())
    assert all(setting.description for setting in found)
    names = [setting.environment_name for setting in found]
    assert len(names) == len(set(names))
    assert {"LAIR_LIMITS", "LAIR_DATABASE_URL", "LAIR_REDIS_URL", "LAIR_SITE_ADDRESS"} <= set(names)


@pytest.mark.parametrize("value", ["off", "OFF", "no", "false", "0"])
def test_limits_can_be_switched_off_for_load_tests(load, value):
    assert not load({"LAIR_LIMITS": value}).limits_on


# Hosts


def test_the_site_address_is_a_host_we_answer_to(load):
    found = load({"LAIR_SITE_ADDRESS": "https://chat.example.org/"})
    assert found.site.address == "https://chat.example.org"
    assert "chat.example.org" in found.allowed_hosts


def test_listening_everywhere_does_not_mean_answering_to_every_name(load):
    assert "0.0.0.0" not in load({"LAIR_HOST": "0.0.0.0"}).allowed_hosts


def test_given_hosts_replace_our_own(load):
    assert load({"LAIR_ALLOWED_HOSTS": "a.example, b.example"}).allowed_hosts == ("a.example", "b.example")


# Databases


@pytest.mark.promise("D1")
def test_sqlite_is_durable_and_immediate(load, tmp_path):
    database = load().database
    assert database["ENGINE"] == "django.db.backends.sqlite3"
    assert database["NAME"] == str(tmp_path / "data" / "lair.sqlite3")
    assert database["CONN_MAX_AGE"] is None
    assert database["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        assert pragma in database["OPTIONS"]["init_command"]


def test_sqlite_may_be_told_to_survive_less(load):
    assert "synchronous=NORMAL" in load({"LAIR_DATABASE_SYNCHRONOUS": "NORMAL"}).database["OPTIONS"]["init_command"]


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:lair-chat.db?mode=rwc", "lair-chat.db"),
        ("sqlite:///lair-chat.db", "lair-chat.db"),
        ("sqlite:////var/lib/lair/lair.db", "/var/lib/lair/lair.db"),
    ],
)
def test_sqlite_addresses_of_both_worlds_are_understood(load, url, path):
    assert load({"LAIR_DATABASE_URL": url}).database["NAME"] == str(Path(path).absolute())


@pytest.mark.parametrize("url", ["sqlite::memory:", "sqlite://host/x", "sqlite:x?mode=ro", "postgres://host", "x"])
def test_a_database_that_cannot_be_used_is_refused(load, url):
    (problem,) = problems_of(load, {"LAIR_DATABASE_URL": url})
    assert problem.startswith("database.url")


@pytest.mark.parametrize("scheme", ["postgres", "postgresql"])
@pytest.mark.promise("D1")
def test_postgresql_is_pooled_and_durable(load, scheme):
    url = f"{scheme}://lair:p%40ss@db.example:5433/chat?sslmode=require"
    database = load({"LAIR_DATABASE_URL": url}).database
    assert (database["HOST"], database["PORT"], database["NAME"]) == ("db.example", "5433", "chat")
    assert (database["USER"], database["PASSWORD"]) == ("lair", "p@ss")
    assert database["CONN_MAX_AGE"] == 0
    assert database["OPTIONS"]["pool"]["max_size"] == 8
    assert database["OPTIONS"]["sslmode"] == "require"
    assert "synchronous_commit=on" in database["OPTIONS"]["options"]


# Secrets


@pytest.mark.promise("S18")
def test_missing_secrets_are_made_once_for_the_owner_alone(load, tmp_path):
    first, second = load(), load()
    assert (first.jwt_secret, first.secret_key, first.audit_key) == (
        second.jwt_secret,
        second.secret_key,
        second.audit_key,
    )
    assert len({first.jwt_secret, first.secret_key, first.audit_key}) == 3
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "data" / "secrets.json").stat().st_mode & 0o777 == 0o600


def test_a_given_secret_is_not_replaced_nor_stored(load, tmp_path):
    assert load({"LAIR_JWT_SECRET": SECRET}).jwt_secret == SECRET
    assert SECRET not in (tmp_path / "data" / "secrets.json").read_text()


def test_processes_that_start_at_once_have_the_same_secrets(tmp_path):
    found: list[dict[str, str]] = []
    barrier = threading.Barrier(16)

    def start() -> None:
        barrier.wait()
        found.append(ensure_secrets(tmp_path / "data", ("a", "b")))

    threads = [threading.Thread(target=start) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 16
    assert all(secrets == found[0] for secrets in found)


def test_a_newer_version_adds_its_secret_and_keeps_the_others(tmp_path):
    first = ensure_secrets(tmp_path, ("a",))
    second = ensure_secrets(tmp_path, ("a", "b"))
    assert second["a"] == first["a"]
    assert second == ensure_secrets(tmp_path, ("a", "b"))


@pytest.mark.promise("S18")
def test_secrets_that_others_can_read_stop_the_start(load, tmp_path):
    load()
    (tmp_path / "data" / "secrets.json").chmod(0o640)
    (problem,) = problems_of(load)
    assert "chmod 600" in problem


def test_a_broken_secrets_file_is_not_overwritten(tmp_path):
    path = tmp_path / "secrets.json"
    path.write_text("{")
    path.chmod(0o600)
    with pytest.raises(UnsafeSecrets):
        ensure_secrets(tmp_path, ("a",))
    assert path.read_text() == "{"


# In force


def test_a_reload_that_fails_changes_nothing(monkeypatch, tmp_path):
    monkeypatch.setattr(config, "_current", None)
    monkeypatch.setenv("LAIR_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("LAIR_SITE_NAME", "Before")
    before = config.current()
    monkeypatch.setenv("LAIR_SITE_NAME", "After")
    monkeypatch.setenv("LAIR_HTTP_PORT", "wrong")
    with pytest.raises(config.ConfigError):
        config.reload()
    assert config.current() is before
    monkeypatch.delenv("LAIR_HTTP_PORT")
    assert config.reload().site.name == "After"
    assert config.current().site.name == "After"


def test_the_page_for_operators_is_the_schema():
    assert PAGE.read_text() == page(), "run `python -m lairchat.config.document`"
