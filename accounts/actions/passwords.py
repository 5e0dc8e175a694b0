"""Changing one's password."""

from accounts import audit, passwords, queries
from accounts.actions.guessing import admit_attempt, passed
from accounts.actions.sessions import end_others
from accounts.actor import Actor
from accounts.errors import IncorrectPassword
from accounts.models import LoginAttempt, User
from lairchat.core.action import action


def change_password(actor: Actor, current_password: str, new_password: str) -> None:
    """Replace the actor's own password; their other sign-ins end (S3).

    Raises IncorrectPassword, PasswordTooWeak, RateLimited (guesses count as at sign-in), Busy.
    """
    user = actor.person
    passwords.check_new(new_password, minimum=passwords.minimum_for(actor.via), names=(user.username,))
    attempt = admit_attempt(actor, user.username_folded)
    if not passwords.matches(current_password, user.password):
        raise IncorrectPassword()
    _change_password(actor, attempt, user.password, passwords.hashed(new_password))


@action
def _change_password(actor: Actor, attempt: LoginAttempt, verified: str, new_hash: str) -> None:
    user = User.objects.select_for_update().get(id=queries.renewed(actor).person.id)
    if user.password != verified:  # somebody else was faster: what was typed is not the password any more
        raise IncorrectPassword()
    user.password = new_hash
    user.save(update_fields=["password"])
    passed(actor, attempt)
    end_others(actor, "password_changed")
    audit.record(actor, "password.change", user)
