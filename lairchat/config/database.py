"""A database address, and what Django needs to use it as our promises want it used."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit


def sqlite_path(url: str) -> Path:
    """The file of `sqlite:///relative`, `sqlite:////absolute` or `sqlite:relative?mode=rwc`.

    Raises ValueError where it names no file.
    """
    path, _, query = url.removeprefix("sqlite:").partition("?")
    path = unquote(path)
    if path.startswith("///"):
        path = path[3:]
    elif path.startswith("//"):
        raise ValueError("a host in a SQLite address; write sqlite:///relative or sqlite:////absolute")
    if not path or path.startswith(":memory:"):
        raise ValueError("it needs a file: what lives in memory is lost, and is not shared between threads")
    mode = dict(parse_qsl(query)).get("mode", "rwc")
    if mode not in {"rw", "rwc"}:
        raise ValueError("the database must be writable: leave out mode, or give mode=rwc")
    return Path(path)


def check_database_url(url: str) -> None:
    """Raises ValueError, saying what is wrong, without repeating the address."""
    scheme = url.partition(":")[0]
    if scheme == "sqlite":
        sqlite_path(url)
    elif scheme in {"postgres", "postgresql"}:
        parts = urlsplit(url)
        _ = parts.port  # reading it checks it
        if not parts.path.strip("/"):
            raise ValueError("the name of the database is missing")
    else:
        raise ValueError("it must begin with sqlite:, postgres: or postgresql:")


def database_settings(url: str, *, synchronous: str, wait_seconds: float, pool_connections: int) -> dict[str, Any]:
    """Django's `DATABASES["default"]` for a checked address."""
    if url.startswith("sqlite:"):
        return _sqlite(sqlite_path(url), synchronous, wait_seconds)
    return _postgresql(url, wait_seconds, pool_connections)


def _sqlite(path: Path, synchronous: str, wait_seconds: float) -> dict[str, Any]:
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(path.absolute()),
        # The threads of the lane keep their connections: opening one costs more than most reads.
        "CONN_MAX_AGE": None,
        "OPTIONS": {
            # Measured: four writers with Django's defaults meet lock errors and 4 s stalls, with IMMEDIATE none.
            "transaction_mode": "IMMEDIATE",
            "timeout": wait_seconds,
            "init_command": f"PRAGMA journal_mode=WAL; PRAGMA synchronous={synchronous}; PRAGMA foreign_keys=ON;",
        },
    }


def _postgresql(url: str, wait_seconds: float, pool_connections: int) -> dict[str, Any]:
    parts = urlsplit(url)
    milliseconds = int(wait_seconds * 1000)
    return {
        "ENGINE": "lairchat.core.postgresql",
        "NAME": unquote(parts.path.strip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(parts.hostname or ""),
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": 0,  # each call gives its connection back to the pool
        "OPTIONS": {
            "connect_timeout": max(2, int(wait_seconds) - 2),
            # A line that was cut without a word is known as lost after as long as anybody waits.
            "tcp_user_timeout": milliseconds,
            "keepalives_idle": max(1, int(wait_seconds)),
            "keepalives_interval": 1,
            "keepalives_count": 3,
            # Whoever gave up waiting leaves no statement behind that still holds its locks.
            "options": "-c synchronous_commit=on -c client_connection_check_interval=1000"
            f" -c lock_timeout={milliseconds}",
            **dict(parse_qsl(parts.query)),
            "pool": {
                "min_size": 0,
                "max_size": pool_connections,
                "timeout": wait_seconds * 0.6,  # and the rest for a first answer
                # A lost database is tried again by who needs it; psycopg's own pauses double up to minutes.
                "reconnect_timeout": 1.0,
                "num_workers": 1,
            },
        },
    }
