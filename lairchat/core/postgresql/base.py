"""The backend: Django's, whose pool hands out connections that still carry, and that do not wait for ever."""

import time
from typing import Any

from django.db import connections
from django.db.backends.postgresql import base
from psycopg_pool import PoolTimeout

from lairchat.core.postgresql.connection import Connection, Silence, outage

# How long one use of a connection may wait for the database, from the pool's door to the last answer. None where nobody
# waits for us: a migration may take its hours.
patience_seconds: float | None = None
# A process that stands still this long in the middle of a transaction loses it: others wait for its locks. Nothing of
# ours pauses between two statements.
STOPPED_SECONDS = 3.0


def be_prompt(seconds: float) -> None:
    """From now on this process serves people: nobody waits longer than this for the database."""
    global patience_seconds
    patience_seconds = seconds
    for connection in connections.all():
        if isinstance(connection, DatabaseWrapper):  # what was opened before knows nothing of it
            connection.close()
            connection.close_pool()


class DatabaseWrapper(base.DatabaseWrapper):
    """One thread's connection: taken from the pool when first used, given back after each call (CONN_MAX_AGE=0)."""

    @property
    def pool(self) -> Any:
        options = self.settings_dict["OPTIONS"].get("pool")
        if isinstance(options, dict):
            options["connection_class"] = Connection
        return super().pool

    def get_connection_params(self) -> dict[str, Any]:
        params = super().get_connection_params()
        if patience_seconds is not None:
            milliseconds = int(patience_seconds * 1000)
            params["options"] = (
                f"{params.get('options', '')} -c statement_timeout={milliseconds}"
                f" -c idle_in_transaction_session_timeout={int(STOPPED_SECONDS * 1000)}"
            ).strip()
        return params

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """A connection whose server answers. Raises OperationalError: at once while the database is lost."""
        if outage.refuses():
            raise Silence("PostgreSQL cannot be reached")
        begun = time.monotonic()
        while True:
            connection = self._taken(conn_params)
            if not isinstance(connection, Connection):  # no pool: a command's own connection, to make databases
                return connection
            if connection.still_carries():
                break
            connection.close()
            self.pool.putconn(connection)  # which makes a new one
            if outage.refuses() or time.monotonic() - begun > self.settings_dict["OPTIONS"]["pool"]["timeout"]:
                raise Silence("PostgreSQL cannot be reached")
        waited = time.monotonic() - begun
        connection.patience = None if patience_seconds is None else max(0.0, patience_seconds - waited)
        return connection

    def _taken(self, conn_params: dict[str, Any]) -> Any:
        begun = time.monotonic()
        try:
            return super().get_new_connection(conn_params)
        except PoolTimeout:
            # If nobody was answered for so long, who still queues need not wait as long again.
            outage.begin(begun)
            raise
