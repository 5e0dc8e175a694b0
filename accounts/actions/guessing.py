"""What slows down guessing at passwords: free tries, then delays that double (S6)."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.utils import timezone

from accounts.actor import Actor, Visitor
from accounts.models import LoginAttempt, User
from lairchat import config
from lairchat.core.action import action
from lairchat.core.errors import RateLimited
from lairchat.core.net import limit_address

FREE_FAILURES = 5
WINDOW = timedelta(minutes=15)
FIRST_DELAY_SECONDS = 2
KEPT = timedelta(days=1)
FORGOTTEN_AT_ONCE = 1000


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
    # The account's row is the lock of its count: tries at once wait here for each other.
    User.objects.select_for_update().filter(username_folded=identifier).first()
    wait = wait_after(tries.order_by("at", "id").values_list("succeeded", "at"), now)
    if wait > timedelta(0) and config.current().limits_on:
        raise RateLimited(retry_after=int(wait.total_seconds()) + 1, limit=FREE_FAILURES)
    return LoginAttempt.objects.create(identifier=identifier, address=address, succeeded=False, at=now)


@action
def forget_attempts(actor: Actor) -> int:
    """Upkeep: take away some of the tries that no longer count, of identifiers nobody tried since; how many."""
    old = LoginAttempt.objects.filter(at__lt=timezone.now() - KEPT).values_list("id", flat=True)[:FORGOTTEN_AT_ONCE]
    return LoginAttempt.objects.filter(id__in=list(old)).delete()[0]


@action
def passed(actor: Actor | Visitor, attempt: LoginAttempt) -> None:
    """The try was right: earlier failures from there are forgotten."""
    attempt.succeeded = True
    attempt.save(update_fields=["succeeded"])


def wait_after(tries: Iterable[tuple[bool, datetime]], now: datetime) -> timedelta:
    """How long from now the next try must wait, after these tries `(succeeded, at)` in order.

    Five failures within 15 minutes lock; each further one doubles the delay; a quarter of an hour of quiet after the
    delay, or a success, unlocks.
    """
    recent: list[datetime] = []
    level = 0
    for succeeded, at in tries:
        if succeeded or (level and at - recent[-1] > _delay(level) + WINDOW):
            recent, level = [], 0
        if succeeded:
            continue
        recent = [*(earlier for earlier in recent if at - earlier < WINDOW), at]
        if level or len(recent) >= FREE_FAILURES:
            level += 1
    return recent[-1] + _delay(level) - now if level else timedelta(0)


def _delay(level: int) -> timedelta:
    return min(timedelta(seconds=FIRST_DELAY_SECONDS * 2 ** min(level - 1, 20)), WINDOW)
