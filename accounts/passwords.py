"""Passwords: Argon2id as guarantees S4 asks, a few at once, and what a password must be."""

import functools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib.auth import hashers
from django.contrib.auth.password_validation import CommonPasswordValidator
from django.core.exceptions import ValidationError

from accounts.errors import PasswordTooWeak
from lairchat import config
from lairchat.core.errors import Busy
from lairchat.core.text import fold

MIN_ON_PAGES = 10
MIN_FOR_PROGRAMS = 8  # the original's, on REST and sockets
MAX = 1024


def minimum_for(via: str) -> int:
    """How many characters a new password needs: fewer for programs, as the original has it."""
    return MIN_FOR_PROGRAMS if via in ("rest", "ws", "tcp") else MIN_ON_PAGES


@functools.cache
def _places() -> threading.BoundedSemaphore:
    return threading.BoundedSemaphore(config.current().server.hashes_at_once)


@contextmanager
def one_of_few() -> Iterator[None]:
    """Hold one of the places for computing a hash. Raises Busy if none comes free in time (F9)."""
    if not _places().acquire(timeout=config.current().server.wait_seconds):
        raise Busy()
    try:
        yield
    finally:
        _places().release()


class Argon2id(hashers.Argon2PasswordHasher):
    """Argon2id with t=2, m=19 MiB, p=1 (OWASP's second profile); each hash waits for a place."""

    time_cost = 2
    memory_cost = 19 * 1024  # KiB
    parallelism = 1

    def encode(self, password: str, salt: str) -> str:
        with one_of_few():
            return super().encode(password, salt)

    def verify(self, password: str, encoded: str) -> bool:
        with one_of_few():
            return super().verify(password, encoded)

    def harden_runtime(self, password: str, encoded: str) -> None:
        """Nothing: a hash made with older parameters is made again at the next sign-in."""


def hashed(password: str) -> str:
    """The stored form. Slow: never inside a transaction. Raises Busy."""
    return hashers.make_password(password)


@functools.cache
def _nobodys_hash() -> str:
    return hashers.make_password("nobody has this password")


def matches(password: str, encoded: str | None) -> bool:
    """True if it is the password; without an account or password (None) as slow as with one, and False (S6).

    Slow: never inside a transaction. Raises Busy.
    """
    known = encoded if encoded is not None and hashers.is_password_usable(encoded) else None
    try:
        right = hashers.verify_password(password, known or _nobodys_hash())[0]
    except UnicodeEncodeError:  # a lone surrogate: nobody's password
        return False
    return right and known is not None


def is_outdated(encoded: str) -> bool:
    """True if the parameters have risen since this hash was made."""
    return Argon2id().must_update(encoded)


@functools.cache
def _common() -> Any:
    return CommonPasswordValidator()


def check_new(password: str, *, minimum: int, names: tuple[str, ...] = ()) -> None:
    """Refuse a password that is too short, too long, common, or holds the account's or the site's name.

    Raises PasswordTooWeak, which says why.
    """
    if len(password) < minimum:
        raise PasswordTooWeak(f"Password too weak: value too short: minimum {minimum}, got {len(password)}")
    if len(password) > MAX:
        raise PasswordTooWeak(f"Password too weak: value too long: maximum {MAX}, got {len(password)}")
    try:
        password.encode()
    except UnicodeEncodeError:
        raise PasswordTooWeak("Password too weak: it holds half a character") from None
    try:
        _common().validate(password)
    except ValidationError:
        raise PasswordTooWeak("Password too weak: it is among the most used ones") from None
    folded = fold(password)
    for name in (*names, config.current().site.name):
        if len(name) >= 3 and fold(name) in folded:
            raise PasswordTooWeak("Password too weak: it contains the name of the account or of this site")
