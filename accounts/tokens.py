"""Signed tokens: one algorithm, one key of their own, bound to a session that is read at each use (S2)."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID, uuid4

import jwt
from django.utils import timezone
from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.exceptions import TokenBackendError, TokenBackendExpiredToken

from accounts.models import User, UserSession
from lairchat import config
from lairchat.core.errors import Unauthenticated
from lairchat.core.ids import parse_uuid

Kind = Literal["access", "refresh", "session"]
ACCESS_LIFETIME = timedelta(minutes=15)
AUDIENCE = "lair-chat"
ISSUER = "lair-chat"
LEEWAY_SECONDS = 30  # F7


class InvalidToken(Unauthenticated):
    code = "invalid_token"
    message = "Invalid token: it was not issued by this server"


class TokenExpired(Unauthenticated):
    code = "token_expired"
    message = "Token has expired, please login again"


class InvalidClaims(Unauthenticated):
    code = "invalid_claims"
    message = "Token claims are invalid"


@dataclass(frozen=True, slots=True)
class Claims:
    """What a good token says. Rights are never taken from it (S7)."""

    user_id: UUID
    session_id: UUID
    kind: Kind
    jti: str
    expires_at: int  # Unix seconds


class Backend(TokenBackend):
    """simplejwt's backend, with the name of the key in the header."""

    @property
    def key_id(self) -> str:
        return hashlib.sha256(b"kid" + (self.signing_key or "").encode()).hexdigest()[:12]

    def encode(self, payload: dict[str, Any]) -> str:
        claims = payload | {"aud": self.audience, "iss": self.issuer}
        return jwt.encode(claims, self.prepared_signing_key, algorithm=self.algorithm, headers={"kid": self.key_id})

    def decode(self, token: Any, verify: bool = True) -> dict[str, Any]:
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                self.get_verifying_key(token),
                algorithms=[self.algorithm],
                audience=self.audience,
                issuer=self.issuer,
                leeway=self.get_leeway(),
                # When it was made is for people to read: a clock that jumped back refuses nobody (F7).
                options={"verify_signature": verify, "verify_iat": False},
            )
        except jwt.ExpiredSignatureError as error:
            raise TokenBackendExpiredToken("Token is expired") from error
        except jwt.InvalidTokenError as error:
            raise TokenBackendError("Token is invalid") from error
        if jwt.get_unverified_header(token).get("kid") != self.key_id:
            raise TokenBackendError("Token is signed with another key")
        return claims


def backend() -> Backend:
    return Backend("HS256", config.current().jwt_secret, audience=AUDIENCE, issuer=ISSUER, leeway=LEEWAY_SECONDS)


def session_token(session: UserSession, user: User) -> str:
    """The token of the original: as long as the session, with name and rank for programs that look into it."""
    extra = {"username": user.username, "role": user.role}
    return _signed(session, "session", session.expire_date, str(uuid4()), extra)


def access_token(session: UserSession) -> tuple[str, datetime]:
    """A short token and when it ends, never after its session."""
    expires_at = min(timezone.now() + ACCESS_LIFETIME, session.expire_date)
    return _signed(session, "access", expires_at, str(uuid4())), expires_at


def refresh_token(session: UserSession, jti: str) -> str:
    """The token that buys the next pair once; `jti` is the session's `refresh_jti`."""
    return _signed(session, "refresh", session.expire_date, jti)


def _signed(
    session: UserSession, kind: Kind, expires_at: datetime, jti: str, extra: dict[str, Any] | None = None
) -> str:
    claims = {
        "sub": str(session.user_id),
        "sid": str(session.id),
        "typ": kind,
        "jti": jti,
        "iat": int(timezone.now().timestamp()),
        "exp": int(expires_at.timestamp()),
    }
    return backend().encode(claims | (extra or {}))


def claims_of(token: str, *kinds: Kind) -> Claims:
    """What the token says, if it is ours, in time and of one of these kinds.

    Raises InvalidToken, TokenExpired, InvalidClaims. Reads no database: the session is checked by the caller.
    """
    try:
        values = backend().decode(token)
    except TokenBackendExpiredToken:
        raise TokenExpired() from None
    except (TokenBackendError, jwt.PyJWTError, UnicodeError, ValueError):
        raise InvalidToken() from None
    if values.get("typ") not in kinds:
        raise InvalidToken("Invalid token: it is of another kind")
    user_id, session_id = parse_uuid(values.get("sub")), parse_uuid(values.get("sid"))
    jti, expires_at = values.get("jti"), values.get("exp")
    if user_id is None or session_id is None or not isinstance(jti, str) or not isinstance(expires_at, int):
        raise InvalidClaims()
    return Claims(user_id, session_id, values["typ"], jti, expires_at)
