"""Every way in ends here: a password becomes a session, a session its next token."""

from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from django.utils import timezone

from accounts import audit, passwords, queries, tokens
from accounts.actions.guessing import admit_attempt, passed
from accounts.actions.sessions import begin_session
from accounts.actor import Actor, Visitor
from accounts.errors import InvalidCredentials, SessionNotFound
from accounts.events import SessionEnded
from accounts.models import LoginAttempt, User, UserSession
from lairchat.core import limits
from lairchat.core.action import action
from lairchat.core.events import publish
from lairchat.core.text import fold


@dataclass(frozen=True, slots=True)
class SignIn:
    """A new session: a browser takes `cookie`, a program `token` or the pair of `tokens_of`."""

    user: User
    session: UserSession
    cookie: str = ""

    @property
    def token(self) -> str:
        """The original's token: as long as the session, bound to it."""
        return tokens.session_token(self.session, self.user)


@dataclass(frozen=True, slots=True)
class TokenPair:
    access: str
    refresh: str
    expires_at: datetime  # of the access token


def log_in(visitor: Visitor, identifier: str, password: str, *, kind: str = UserSession.Kind.WEB) -> SignIn:
    """Begin a session by name or mail address and password.

    Raises InvalidCredentials, after the same work, for an unknown name, a wrong password and an account that is
    disabled; RateLimited after too many failures; Busy.
    """
    limits.spend("login", visitor.limit_key)
    user = queries.user_by_identifier(identifier)
    attempt = admit_attempt(visitor, user.username_folded if user else fold(identifier))
    right = passwords.matches(password, user.password if user else None)
    if user is None or not right or not user.is_usable():
        _note_failed_sign_in(visitor, user)
        raise InvalidCredentials()
    newer = passwords.hashed(password) if passwords.is_outdated(user.password) else None
    return _open_session(visitor, user, kind, attempt, newer)


def sign_in_new(visitor: Visitor, user: User, *, kind: str = UserSession.Kind.WEB) -> SignIn:
    """Begin the first session of an account that was just made through this door."""
    return _open_session(visitor, user, kind, None, None)


@action
def _open_session(
    visitor: Visitor, user: User, kind: str, attempt: LoginAttempt | None, newer_hash: str | None
) -> SignIn:
    current = User.objects.select_for_update().get(id=user.id)
    # While the hash was computed the account may have been disabled or its password changed.
    if not current.is_usable() or current.password != user.password:
        raise InvalidCredentials()
    if newer_hash is not None:
        current.password = newer_hash
        current.save(update_fields=["password"])
    if attempt is not None:
        passed(visitor, attempt)
    session, cookie = begin_session(visitor, current, kind)
    acting = Actor(current, visitor.via, session.id, visitor.address, visitor.request_id)
    audit.record(acting, "session.begin", current, new={"kind": kind})
    return SignIn(current, session, cookie)


@action
def _note_failed_sign_in(visitor: Visitor, user: User | None) -> None:
    """Of an unknown name nothing is kept: people type passwords there."""
    audit.record(visitor, "session.begin", user, outcome=InvalidCredentials.code)


def refresh_session(actor: Actor) -> tuple[str, datetime]:
    """Another token of the original's kind for the same session, which it does not make longer.

    Raises SessionNotFound, SessionExpired, AccountDisabled.
    """
    if actor.session_id is None:
        raise SessionNotFound()
    session = queries.live_session(actor.session_id)
    return tokens.session_token(session, session.user), session.expire_date


def tokens_of(sign_in: SignIn) -> TokenPair:
    """The short pair of a new session."""
    return _pair(sign_in.session)


def rotate_tokens(visitor: Visitor, refresh: str) -> TokenPair:
    """The next pair for a refresh token, which is good once: used again, its session ends (S2).

    Raises InvalidToken, TokenExpired, InvalidClaims, SessionNotFound, SessionExpired, AccountDisabled.
    """
    claims = tokens.claims_of(refresh, "refresh")
    session = _rotate(visitor, claims)
    if session is None:
        raise SessionNotFound()
    return _pair(session)


@action
def _rotate(visitor: Visitor, claims: tokens.Claims) -> UserSession | None:
    """The session with its next refresh token; None if this one was used before, and the session is over."""
    queries.live_session(claims.session_id)
    session = UserSession.objects.select_for_update().get(id=claims.session_id)
    if session.ended_at is not None or session.user_id != claims.user_id:
        raise SessionNotFound()
    if session.refresh_jti != claims.jti:
        UserSession.objects.filter(id=session.id).update(ended_at=timezone.now(), end_reason="refresh_reused")
        publish(SessionEnded(session.user_id, [session.id]))
        audit.record(visitor, "session.end", session.user, reason="a refresh token was used twice")
        return None
    session.refresh_jti = str(uuid4())
    session.save(update_fields=["refresh_jti"])
    return session


def _pair(session: UserSession) -> TokenPair:
    access, expires_at = tokens.access_token(session)
    return TokenPair(access, tokens.refresh_token(session, session.refresh_jti), expires_at)
