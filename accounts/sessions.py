"""Django's session engine over `UserSession`: a cookie is a sign-in, and without one there is no row."""

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Any

from django.contrib.sessions.backends.base import SessionBase
from django.db import DatabaseError
from django.utils import timezone

from accounts import queries
from accounts.models import UserSession
from lairchat.core.errors import DomainError

LIFETIMES = {UserSession.Kind.WEB: timedelta(days=30), UserSession.Kind.API: timedelta(hours=24)}
TOUCH_AFTER = timedelta(minutes=5)
KEPT = timedelta(days=30)  # after its end a sign-in stays on record so long
FORGOTTEN_AT_ONCE = 1000


def new_cookie_value() -> str:
    """256 random bits for a cookie; the database holds only their hash."""
    return secrets.token_urlsafe(32)


def stored_key(cookie_value: str) -> str:
    """The form in which a cookie's value is stored and looked up."""
    return hashlib.sha256(cookie_value.encode("utf-8", "replace")).hexdigest()


def touch(session: UserSession) -> None:
    """Note that the session was used, at most every five minutes. A full or busy database does not stop a reader."""
    now = timezone.now()
    if now - session.last_seen_at < TOUCH_AFTER:
        return
    session.last_seen_at = now
    try:
        UserSession.objects.filter(id=session.id).update(last_seen_at=now)
    except DatabaseError:
        return


def forget_some() -> int:
    """Take away some of the sign-ins that ended long ago; answers how many."""
    old = UserSession.objects.filter(expire_date__lt=timezone.now() - KEPT).values_list("id", flat=True)
    return UserSession.objects.filter(id__in=list(old[:FORGOTTEN_AT_ONCE])).delete()[0]


class SessionStore(SessionBase):
    """The session of one request. `row` is its live `UserSession`, read together with the account."""

    def __init__(self, session_key: str | None = None) -> None:
        super().__init__(session_key)
        self.row: UserSession | None = None

    @classmethod
    def get_model_class(cls) -> type[UserSession]:
        return UserSession

    def adopt(self, row: UserSession, cookie_value: str) -> None:
        """From this answer on the browser holds this sign-in."""
        self.row = row
        self._session_key = cookie_value
        self._session_cache: dict[str, Any] = {}
        self.accessed = self.modified = True

    def drop(self) -> None:
        """The sign-in has ended: this answer deletes the cookie."""
        self.row = None
        self._session_key = None
        self._session_cache = {}
        self.accessed = self.modified = True

    def is_live(self) -> bool:
        """True for a signed-in browser; reads the row once."""
        _ = self._session  # type: ignore[attr-defined]
        return self.row is not None

    def is_empty(self) -> bool:
        """What Django's middleware asks: nothing is stored, and no cookie set, for somebody who is not signed in."""
        return not self.is_live()

    def load(self) -> dict[str, Any]:
        try:
            self.row = queries.live_session_of_key(stored_key(self.session_key or ""))
        except DomainError:
            self._session_key = None
            return {}
        # A row is made by signing in, with nothing in it: Django would call that a corrupted session, in the log.
        return self.decode(self.row.session_data) if self.row.session_data else {}

    def exists(self, session_key: str) -> bool:
        return UserSession.objects.filter(session_key=stored_key(session_key)).exists()

    def create(self) -> None:
        """Nothing: rows are made by signing in."""

    def save(self, must_create: bool = False) -> None:
        """Keep the page data of a signed-in browser."""
        if self.row is None:
            return
        data = self.encode(self._get_session(no_load=must_create))  # type: ignore[attr-defined]
        UserSession.objects.filter(id=self.row.id, ended_at=None).update(session_data=data)

    def delete(self, session_key: str | None = None) -> None:
        """End the sign-in; Django calls this where it forgets a browser."""
        key = session_key or self.session_key
        if key is not None:
            UserSession.objects.filter(session_key=stored_key(key), ended_at=None).update(
                ended_at=timezone.now(), end_reason="signed_out"
            )
        self.row = None

    def cycle_key(self) -> None:
        """Nothing: each sign-in has a new key already."""

    def get_expiry_age(self, **kwargs: Any) -> int:
        return max(0, int((self.get_expiry_date() - timezone.now()).total_seconds()))

    def get_expiry_date(self, **kwargs: Any) -> datetime:
        return self.row.expire_date if self.row else timezone.now()

    def get_expire_at_browser_close(self) -> bool:
        return False

    @classmethod
    def clear_expired(cls) -> None:
        while forget_some():
            pass
