"""A PostgreSQL of one test, which can be stopped, killed, frozen, emptied of its backends and started again."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import psycopg
from psycopg import sql

from lairchat.testing.processes import eventually

PLACES = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/local/pgsql/bin")
OWNER = "lair"  # may make databases, is no superuser: three connections stay reserved for this class
HOWS = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}


def binaries() -> Path:
    """Where the newest installed PostgreSQL keeps its programs. Raises LookupError where none is installed."""
    found = [path for place in PLACES for path in Path("/").glob(place.lstrip("/")) if (path / "initdb").exists()]
    if found:
        return max(found, key=lambda path: [int(part) for part in path.parent.name.split(".") if part.isdigit()])
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).resolve().parent
    raise LookupError("PostgreSQL is not installed (apt-get install postgresql): these tests need a real one")


class PostgresServer:
    """`postgres` on a free port of this machine, in a cluster of its own. Use as a context; nothing of it stays.

    `settings` are of postgresql.conf. `durable=False` leaves out fsync: no test cuts the power, but some count seconds.
    """

    def __init__(self, *, durable: bool = True, **settings: Any) -> None:
        self.settings = {"max_connections": "100", "fsync": "on" if durable else "off"} | settings
        memory = Path("/dev/shm")
        self.directory = Path(tempfile.mkdtemp(prefix="lair-pg-", dir=memory if os.access(memory, os.W_OK) else None))
        self.data = self.directory / "data"
        self.log = self.directory / "log"
        # postgres refuses to run as root.
        self.account: dict[str, Any] = {}
        if os.getuid() == 0:
            account = pwd.getpwnam("postgres")
            os.chown(self.directory, account.pw_uid, account.pw_gid)
            self.account = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.process: subprocess.Popen[bytes] | None = None
        self._init()
        self.start()
        with self._administration() as connection:
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN CREATEDB").format(sql.Identifier(OWNER)))

    def _init(self) -> None:
        command = [str(binaries() / "initdb"), "-D", str(self.data), "-U", "postgres", "-A", "trust", "--no-sync"]
        done = subprocess.run(
            [*command, "--encoding=UTF8", "--locale=C.UTF-8"],
            cwd=self.directory,
            capture_output=True,
            text=True,
            check=False,
            **self.account,
        )
        assert done.returncode == 0, done.stderr

    @property
    def url(self) -> str:
        """Of the database `postgres`, as the account that may make others."""
        return self.url_of("postgres")

    def url_of(self, database: str, user: str = OWNER) -> str:
        return f"postgres://{user}@127.0.0.1:{self.port}/{database}"

    def create_database(self, name: str, *, template: str = "template1") -> str:
        """A new database, empty or a copy of `template`; answers its address."""
        statement = sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}")
        with self._administration() as connection:
            connection.execute(statement.format(*map(sql.Identifier, (name, OWNER, template))))
        return self.url_of(name)

    # Its life

    def start(self) -> None:
        """Waits until it takes connections."""
        given = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": str(self.directory),
            "shared_buffers": "32MB",
        } | self.settings
        options = [word for name, value in given.items() for word in ("-c", f"{name}={value}")]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [str(binaries() / "postgres"), "-D", str(self.data), *options],
                cwd=self.directory,
                stdout=log,
                stderr=log,
                **self.account,
            )
        eventually(self.is_serving, "PostgreSQL takes connections")

    def is_serving(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, f"PostgreSQL ended:\n{self.log.read_text()}"
        try:
            self._administration().close()
        except psycopg.OperationalError:  # starting up, or recovering
            return False
        return True

    def stop(self, how: Literal["smart", "fast", "immediate"] = "fast") -> None:
        """`fast` breaks transactions off, `immediate` is a crash that recovers at the next start."""
        assert self.process is not None
        self.process.send_signal(HOWS[how])
        self.process.wait()
        self.process = None

    def kill(self) -> None:
        """The whole server at once, as when memory runs out."""
        assert self.process is not None
        helpers = self._helpers()
        self.process.kill()
        self.process.wait()
        self.process = None
        for helper in helpers:
            with suppress(ProcessLookupError):
                os.kill(helper, signal.SIGKILL)
        # The next start refuses while one of them still holds the shared memory.
        eventually(lambda: not any(Path(f"/proc/{helper}").exists() for helper in helpers), "its helpers are gone")

    def freeze(self) -> None:
        """Every process of it stops where it is: connections stay open and nobody answers, new ones included."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)  # first: it then makes no new ones
        for helper in self._helpers():
            os.kill(helper, signal.SIGSTOP)

    def thaw(self) -> None:
        assert self.process is not None
        for helper in self._helpers():
            os.kill(helper, signal.SIGCONT)
        self.process.send_signal(signal.SIGCONT)

    def kill_backends(self, database: str | None = None) -> int:
        """End every session of clients, or those of one database; answers how many there were."""
        with self._administration() as connection:
            rows = connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend'"
                " AND pid <> pg_backend_pid() AND (%s::text IS NULL OR datname = %s)",
                [database, database],
            ).fetchall()
        return len(rows)

    def sessions(self, database: str) -> int:
        """How many clients are connected to the database."""
        with self._administration() as connection:
            row = connection.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND datname = %s",
                [database],
            ).fetchone()
        assert row is not None
        return row[0]

    def _helpers(self) -> list[int]:
        """The processes it made: backends are sessions of their own, so no signal to a group reaches them."""
        assert self.process is not None
        return [
            int(word) for word in Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        ]

    def _administration(self) -> "psycopg.Connection[Any]":
        """As superuser, by the server's own socket: it gets in where clients have taken all connections."""
        return psycopg.connect(
            host=str(self.directory),
            port=self.port,
            user="postgres",
            dbname="postgres",
            autocommit=True,
            connect_timeout=5,
        )

    def __enter__(self) -> "PostgresServer":
        return self

    def __exit__(self, *_error: object) -> None:
        if self.process is not None:
            self.thaw()
            self.stop("immediate")
        shutil.rmtree(self.directory)
