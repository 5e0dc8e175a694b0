"""What people say about themselves."""

from django.db import IntegrityError
from django.utils import timezone

from accounts import queries
from accounts.actions.names import (
    checked_bio,
    checked_display_name,
    checked_email,
    checked_language,
    checked_timezone,
)
from accounts.actor import Actor
from accounts.errors import EmailTaken
from accounts.events import ProfileUpdated
from accounts.models import User
from lairchat.core.action import action
from lairchat.core.events import publish

CHECKS = {
    "display_name": checked_display_name,
    "bio": checked_bio,
    "timezone": checked_timezone,
    "language": checked_language,
    "email": checked_email,
}


@action
def update_profile(
    actor: Actor,
    *,
    display_name: str | None = None,
    bio: str | None = None,
    timezone: str | None = None,
    language: str | None = None,
    email: str | None = None,
) -> User:
    """Change the actor's own words; None keeps one. Nothing is published where nothing changed.

    Raises Invalid (which names the field), EmailInvalid, EmailTaken, AccountDisabled.
    """
    given = {"display_name": display_name, "bio": bio, "timezone": timezone, "language": language, "email": email}
    checked = {name: CHECKS[name](value) for name, value in given.items() if value is not None}
    user = User.objects.select_for_update().get(id=queries.renewed(actor).person.id)
    changed = {name: value for name, value in checked.items() if value != getattr(user, name)}
    if not changed:
        return user
    return _stored(user, changed)


def _stored(user: User, changed: dict[str, str]) -> User:
    for name, value in changed.items():
        setattr(user, name, value)
    user.updated_at = timezone.now()
    try:
        user.save(update_fields=[*changed, "updated_at"])
    except IntegrityError:  # asked of the database alone: two may take one address at once
        raise EmailTaken() from None
    publish(ProfileUpdated(user))
    return user
