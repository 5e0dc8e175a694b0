"""Several people at once."""

import threading
from collections.abc import Callable
from typing import Any

from django.db import connection


def at_once(*tasks: Callable[[], Any]) -> list[Any]:
    """Run the tasks in threads that start together; what each returned or raised."""
    outcomes: list[Any] = [None] * len(tasks)
    start = threading.Barrier(len(tasks))

    def run(index: int, task: Callable[[], Any]) -> None:
        start.wait()
        try:
            outcomes[index] = task()
        except Exception as error:
            outcomes[index] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(index, task)) for index, task in enumerate(tasks)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes
