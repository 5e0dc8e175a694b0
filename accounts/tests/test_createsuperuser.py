import pytest
from django.core.management import CommandError, call_command, get_commands

from accounts.models import User
from accounts.roles import SiteRole

WORDS = {"username": "root", "email": "root@example.org"}


def test_the_command_is_ours():
    assert get_commands()["createsuperuser"] == "lairchat"


def test_the_operator_makes_an_administrator(db, monkeypatch, capsys):
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", "correct horse battery")
    call_command("createsuperuser", "--noinput", "--username", "root", "--email", "root@example.org")
    assert User.objects.get().role == SiteRole.ADMIN
    assert "root is an administrator." in capsys.readouterr().out


def test_what_is_missing_is_named(db, monkeypatch):
    monkeypatch.delenv("DJANGO_SUPERUSER_PASSWORD", raising=False)
    with pytest.raises(CommandError, match="--username, --email, DJANGO_SUPERUSER_PASSWORD"):
        call_command("createsuperuser", interactive=False)


@pytest.mark.parametrize(("password", "why"), [("short", "too short"), ("my root password", "name of the account")])
def test_a_refusal_is_told(db, monkeypatch, password, why):
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", password)
    with pytest.raises(CommandError, match=why):
        call_command("createsuperuser", interactive=False, **WORDS)
    assert not User.objects.exists()


def test_without_a_terminal_nothing_is_asked(db, monkeypatch):
    monkeypatch.delenv("DJANGO_SUPERUSER_PASSWORD", raising=False)
    with pytest.raises(CommandError, match="no terminal"):
        call_command("createsuperuser", **WORDS)
