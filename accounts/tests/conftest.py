"""What the tests of accounts share."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from accounts.models import AuditEntry


@pytest.fixture
def audited() -> Callable[..., Any]:
    """Within the block exactly one entry of the action is written, with that outcome."""

    @contextmanager
    def watch(action: str, outcome: str = "done") -> Iterator[list[AuditEntry]]:
        before = AuditEntry.objects.count()
        found: list[AuditEntry] = []
        yield found
        new = list(AuditEntry.objects.filter(seq__gt=before).select_related("detail"))
        found.extend(entry for entry in new if (entry.action, entry.outcome) == (action, outcome))
        assert len(found) == 1, f"expected one {action} ({outcome}), got {[(e.action, e.outcome) for e in new]}"

    return watch


@pytest.fixture
def audits_nothing() -> Callable[..., Any]:
    @contextmanager
    def watch() -> Iterator[None]:
        before = AuditEntry.objects.count()
        yield
        assert AuditEntry.objects.count() == before

    return watch
