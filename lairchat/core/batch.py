"""`@batched`: the hot actions, written once, over a list. A lone act is a list of one.

Such an action takes requests (structs with an `actor`) and answers each with its result or a DomainError, in four
steps and a fixed number of statements: lock (streams in name order), look, decide, write. `@batched` opens the one
transaction around them, numbers and logs what was published, and delivers after the commit.
"""

import functools
import logging
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

import msgspec

from lairchat.core import events
from lairchat.core.action import database_errors, in_a_unit, record
from lairchat.core.errors import DomainError
from lairchat.core.metrics import ACTIONS, BATCH_RETRIES
from lairchat.core.writer import answered, writer

logger = logging.getLogger(__name__)

Request = TypeVar("Request", bound=msgspec.Struct)
Result = TypeVar("Result")


class Batched(Generic[Request, Result]):
    """An action over a list. Called with one request it returns its result or raises; `soon` does so for a coroutine.

    Raises what the action answers; Busy, Unavailable or StorageFull when the database cannot serve.
    """

    def __init__(self, function: Callable[[Sequence[Request]], list[Result | DomainError]]) -> None:
        functools.update_wrapper(self, function)
        self.function = function
        self.name = function.__name__.lstrip("_")

    def __call__(self, request: Request) -> Result:
        if events.current_unit() is not None:  # part of another action: its transaction, its limits
            joined: Result = answered(self.function([request])[0])
            return joined
        result: Result = writer.write(self, request)
        return result

    async def soon(self, request: Request) -> Result:
        result: Result = await writer.write_soon(self, request)
        return result

    def commit(self, requests: Sequence[Request]) -> list[Any]:
        """Carry the requests out in one transaction; what is refused harms no other.

        A failure nobody foresaw undoes all of it. Then each is tried alone, so that it strikes only its cause.
        """
        try:
            with database_errors():
                outcomes: list[Any] = in_a_unit(lambda: self.function(requests))
        except DomainError as refusal:  # the database cannot serve; it would not serve them one by one either
            outcomes = [type(refusal)() for _ in requests]
        except Exception as error:
            if len(requests) == 1:
                return [error]
            logger.exception("%d requests of %s failed together; each is tried alone", len(requests), self.name)
            BATCH_RETRIES.inc()
            return [outcome for request in requests for outcome in self.commit([request])]
        for request, outcome in zip(requests, outcomes, strict=True):
            self._count(request, outcome)
        return outcomes

    def _count(self, request: Any, outcome: Any) -> None:
        if isinstance(outcome, DomainError):
            ACTIONS.labels(self.name, outcome.name).inc()
            record(request.actor, self.name, outcome, msgspec.structs.asdict(request))
        else:
            ACTIONS.labels(self.name, "done").inc()


def batched(function: Callable[[Sequence[Request]], list[Result | DomainError]]) -> Batched[Request, Result]:
    """Decorator: make an action of a function over a list of requests."""
    return Batched(function)
