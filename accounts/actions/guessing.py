"""What slows down guessing at passwords: free tries, then delays that double (S6)."""

from datetime import datetime, timedelta

from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from accounts.actor import Actor, Visitor
from accounts.models import LoginAttempt
from lairchat import config
from lairchat.core.action import action
from lairchat.core.errors import RateLimited
from lairchat.core.net import limit_address

FREE_FAILURES = 5
WINDOW = timedelta(minutes=15)
FIRST_DELAY_SECONDS = 2
KEPT = timedelta(days=1)


@action
def admit_attempt(actor: Actor | Visitor, identifier: str) -> LoginAttempt:
    """Count one more try as failed, before the slow hash; `passed` takes it back. Raises RateLimited.

    Counted first, N tries at once are N tries and not one.
    """
    address = limit_address(actor.address)
    identifier = identifier[:254]
    now = timezone.now()
    tries = LoginAttempt.objects.filter(identifier=identifier, address=address)
    tries.filter(at__lt=now - KEPT).delete()
    _lock(identifier, address)
    if config.current().limits_on:
        _check_delay(_failures(tries, now), now)
    return LoginAttempt.objects.create(identifier=identifier, address=address, succeeded=False, at=now)


@action
def passed(actor: Actor | Visitor, attempt: LoginAttempt) -> None:
    """The try was right: earlier failures from there are forgotten."""
    attempt.succeeded = True
    attempt.save(update_fields=["succeeded"])


def _failures(tries: QuerySet[LoginAttempt], now: datetime) -> list[datetime]:
    recent = tries.filter(at__gte=now - WINDOW).order_by("at", "id").values_list("succeeded", "at")
    failures: list[datetime] = []
    for succeeded, at in recent:
        failures = [] if succeeded else [*failures, at]
    return failures


def _check_delay(failures: list[datetime], now: datetime) -> None:
    beyond = len(failures) - FREE_FAILURES
    if beyond < 0:
        return
    delay = min(timedelta(seconds=FIRST_DELAY_SECONDS * 2 ** min(beyond, 20)), WINDOW)
    wait = failures[-1] + delay - now
    if wait > timedelta(0):
        raise RateLimited(retry_after=int(wait.total_seconds()) + 1, limit=FREE_FAILURES)


def _lock(identifier: str, address: str) -> None:
    """One count at a time for this pair. SQLite's transactions are immediate: they hold the lock from their start."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"{identifier}\n{address}"])
