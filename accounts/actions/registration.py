"""New accounts: by registering, by the set-up page, by the operator."""

import hashlib
import hmac
import secrets
from collections.abc import Callable

from accounts import audit, passwords, queries
from accounts.actions.names import checked_email, checked_username
from accounts.actor import Actor, Visitor
from accounts.errors import EmailTaken, SetupCodeWrong, SetupDone, UsernameTaken
from accounts.events import UserRegistered
from accounts.models import SetupCode, User
from accounts.roles import SiteRole
from lairchat.core import limits
from lairchat.core.action import action
from lairchat.core.errors import Forbidden
from lairchat.core.events import publish
from lairchat.core.text import fold

SetupStep = Callable[[Actor, str], object]
setup_steps: list[SetupStep] = []  # of apps above: told the new administrator and the name of the first room


def register_user(actor: Actor | Visitor, username: str, email: str, password: str) -> User:
    """Make an account of the rank `user`. A visitor's address spends its limit; the server itself has none.

    Raises UsernameInvalid, EmailInvalid, PasswordTooWeak, UsernameTaken, EmailTaken (checked in this order),
    Forbidden for somebody signed in, RateLimited, Busy.
    """
    if actor.user is not None:
        raise Forbidden("Sign out first.")
    if not actor.is_system:
        limits.spend("register", actor.limit_key)
    return _register_user(actor, _prepared(actor, username, email, password, SiteRole.USER))


@action
def _register_user(actor: Actor | Visitor, user: User) -> User:
    return _stored(user)


def create_first_admin(visitor: Visitor, code: str, username: str, email: str, password: str) -> User:
    """Make the site's first administrator with the one-time code of the link that the server prints (S18).

    Raises SetupDone once there is one, SetupCodeWrong, and what `register_user` raises.
    """
    limits.spend("login", visitor.limit_key)  # guesses at the code are tries to get in
    check_setup_code(code)
    return _create_first_admin(visitor, code, _prepared(visitor, username, email, password, SiteRole.ADMIN))


@action
def _create_first_admin(visitor: Visitor, code: str, user: User) -> User:
    # The code's row is locked before the look for an administrator: of two who come at once, one waits here.
    _check_code(code, SetupCode.objects.select_for_update().first())
    SetupCode.objects.all().delete()
    _stored(user)
    audit.record(visitor, "admin.create", user, new={"role": user.role})
    return user


def create_admin(actor: Actor, username: str, email: str, password: str) -> User:
    """Make an administrator from the server's command line. Raises Forbidden for anybody but the server itself."""
    if not actor.is_system:
        raise Forbidden()
    return _create_admin(actor, _prepared(actor, username, email, password, SiteRole.ADMIN))


@action
def _create_admin(actor: Actor, user: User) -> User:
    SetupCode.objects.all().delete()
    _stored(user)
    audit.record(actor, "admin.create", user, new={"role": user.role})
    return user


def check_setup_code(code: str) -> None:
    """Raises SetupDone once there is an administrator, SetupCodeWrong if it is not the code now in force."""
    _check_code(code, SetupCode.objects.first())


def _check_code(code: str, row: SetupCode | None) -> None:
    if queries.has_admin():
        raise SetupDone()
    if row is None or not hmac.compare_digest(row.hash, _hash_of(code)):
        raise SetupCodeWrong()


def setup_code() -> str | None:
    """A fresh code for the set-up page, replacing any older one; None once there is an administrator.

    Only its hash is stored: the caller shows it, once.
    """
    return _renew_setup_code(Actor.system("cli"))


@action
def _renew_setup_code(actor: Actor) -> str | None:
    if queries.has_admin():
        return None
    code = secrets.token_urlsafe(24)
    SetupCode.objects.update_or_create(pk=1, defaults={"hash": _hash_of(code)})
    return code


def _hash_of(code: str) -> str:
    return hashlib.sha256(code.encode("utf-8", "replace")).hexdigest()


def _prepared(actor: Actor | Visitor, username: str, email: str, password: str, role: SiteRole) -> User:
    """The row with its password hashed, before any lock: hashing is slow."""
    username, email = checked_username(username), checked_email(email)
    passwords.check_new(password, minimum=passwords.minimum_for(actor.via), names=(username,))
    user = User(username=username, username_folded=fold(username), email=email, role=role)
    _check_free(user)
    user.password = passwords.hashed(password)
    return user


def _check_free(user: User) -> None:
    if User.objects.filter(username_folded=user.username_folded).exists():
        raise UsernameTaken()
    if User.objects.filter(email=user.email).exists():
        raise EmailTaken()


def _stored(user: User) -> User:
    # Two may take one name at once: the database decides, and the second one is told which word was taken.
    User.objects.bulk_create([user], ignore_conflicts=True)
    if not User.objects.filter(id=user.id).exists():
        taken = User.objects.filter(username_folded=user.username_folded).exists()
        raise UsernameTaken() if taken else EmailTaken()
    publish(UserRegistered(user))
    return user
