"""A lease: of all processes on one database, one does a thing, and another takes over when that one dies.

The holder raises the lease's term now and then. Others remember when, by their own monotonic clock, they last saw the
term change, and take the lease once it stood still for long enough. No two machines' clocks are ever compared (F7). A
frozen holder that wakes up finds its term gone; until it has looked, two may work, so what is done under a lease must
be right when it is done twice.
"""

import time
from collections.abc import Callable
from uuid import UUID

from lairchat.core.ids import uuid7
from lairchat.core.models import Lease


class Candidate:
    """One process that holds the lease `name`, or would."""

    def __init__(self, name: str, takeover_seconds: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.name, self.takeover_seconds, self.clock = name, takeover_seconds, clock
        self.id: UUID = uuid7()
        self._term = -1
        self._seen_at = clock()

    def hold(self) -> bool:
        """Renew the lease, or take one that is free or stands still. True while it is this process's.

        To be called several times within `takeover_seconds`. Raises DatabaseError.
        """
        lease, _ = Lease.objects.get_or_create(name=self.name)
        if lease.term != self._term:
            self._term, self._seen_at = lease.term, self.clock()
        if lease.holder not in (None, self.id) and self.clock() - self._seen_at < self.takeover_seconds:
            return False
        # Of two who find it free, the second finds another term.
        taken = Lease.objects.filter(name=self.name, term=lease.term).update(holder=self.id, term=lease.term + 1)
        return taken == 1

    def release(self) -> None:
        """Give the lease back, so that nobody has to wait for it."""
        Lease.objects.filter(name=self.name, holder=self.id).update(holder=None)
