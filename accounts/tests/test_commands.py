"""The same over a socket: what the command table runs."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import LoginAttempt, Sanction, SetupCode, UserSession
from lairchat.core.commands import table
from lairchat.core.forms import parsed

OURS = [
    "logout",
    "get_current_user",
    "get_user",
    "list_users",
    "update_profile",
    "change_password",
    "list_sessions",
    "end_session",
    "end_sessions",
    "end_user_sessions",
    "change_role",
    "warn_user",
    "mute_user",
    "suspend_user",
    "ban_user",
    "lift_sanction",
]


def run(actor, name, **values):
    entry = table[name]
    answer = entry.run(actor, parsed(entry.takes, values))
    assert isinstance(answer, entry.gives)
    return answer


@pytest.mark.parametrize("name", OURS)
def test_each_is_in_the_table_with_a_summary(name):
    assert table[name].summary


@pytest.mark.parametrize("kind", ["warn", "mute", "suspend", "ban"])
def test_staff_sanction_and_lift_over_a_socket(root, alice, kind):
    until = (timezone.now() + timedelta(hours=1)).isoformat()
    sanction = run(root, f"{kind}_user", user_id=str(alice.user_id), reason="spam, three times", until=until).sanction
    assert (sanction.kind, sanction.ends_at is not None) == (kind, kind in ("mute", "suspend"))
    assert run(root, "lift_sanction", sanction_id=str(sanction.id)).sanction.lifted_at


def test_somebody_signs_out_over_a_socket(alice):
    run(alice, "logout")
    assert UserSession.objects.get(id=alice.session_id).ended_at


def test_rows_say_what_they_are(alice, root):
    run(root, "warn_user", user_id=str(alice.user_id), reason="spam, three times")
    assert str(Sanction.objects.get()) == f"warn {alice.user_id}"
    assert str(UserSession.objects.get(id=alice.session_id)).startswith(str(alice.user_id))
    assert str(LoginAttempt(identifier="alice", address="::1")) == "alice from ::1"
    assert str(SetupCode(made_at="today")) == "set-up code of today"
