"""What the tests of rooms look at afterwards."""

from collections.abc import Callable
from threading import Barrier, Thread
from typing import Any
from uuid import UUID

from django.db import connection

from accounts.actor import Actor
from accounts.models import AuditEntry
from lairchat.core.errors import DomainError
from rooms.models import Membership, Room


def audited(action: str, *, outcome: str = "done") -> AuditEntry:
    """The newest log entry of this act with this outcome."""
    return AuditEntry.objects.select_related("detail").filter(action=action, outcome=outcome).latest("seq")


def membership_of(actor: Actor, room: Room) -> Membership | None:
    return Membership.objects.filter(room=room, user=actor.person.id).first()


def role_of(actor: Actor, room: Room) -> str | None:
    membership = membership_of(actor, room)
    return membership and membership.role


def set_role(actor: Actor, room: Room, role: str) -> None:
    """A rank that no action of these tests is about."""
    Membership.objects.filter(room=room, user=actor.person.id).update(role=role)


def stored(row: Any) -> Any:
    """The row as the database holds it now."""
    return type(row).objects.get(pk=row.pk)


def outcomes_of(*acts: Callable[[], object]) -> list[str]:
    """Run the acts at once, each in a thread of its own; `done` or the code of its refusal, in the acts' order."""
    outcomes = ["lost"] * len(acts)
    start = Barrier(len(acts))

    def run(index: int, act: Callable[[], object]) -> None:
        try:
            start.wait(timeout=30)
            act()
            outcomes[index] = "done"
        except DomainError as refusal:
            outcomes[index] = refusal.name
        except Exception as error:
            outcomes[index] = repr(error)
        finally:
            connection.close()

    threads = [Thread(target=run, args=(index, act)) for index, act in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return outcomes


UNKNOWN = UUID("00000000-0000-7000-8000-000000000000")
