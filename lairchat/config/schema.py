"""Every setting once: its name (with the unit where the type has none), default and meaning."""

from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from lairchat.config.database import database_settings

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB


class Window(Struct, frozen=True):
    """At most `count` within any `seconds`; written `20/4`."""

    count: int
    seconds: int

    def __str__(self) -> str:
        return f"{self.count}/{self.seconds}"


Port = Annotated[int, Meta(ge=0, le=65535)]
Positive = Annotated[int, Meta(ge=1)]
Seconds = Annotated[float, Meta(gt=0)]


class Section(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A group of settings: a table of the file, a prefix of the environment names."""


class Site(Section, frozen=True):
    name: Annotated[str, Meta(min_length=1, max_length=64, description="Name shown on pages and in mail.")] = (
        "Lair Chat"
    )
    address: Annotated[
        str,
        Meta(
            description="Address people type, without a path. Links in mail and the origin of pages come from it. "
            "Empty: `http://127.0.0.1:<http_port>`."
        ),
    ] = ""


class Database(Section, frozen=True):
    url: Annotated[
        str,
        Meta(
            description="`sqlite:///relative`, `sqlite:////absolute` or `postgres://user:password@host/name`. "
            "Empty: `lair.sqlite3` in the data directory."
        ),
    ] = ""
    synchronous: Annotated[
        Literal["FULL", "NORMAL"],
        Meta(description="SQLite only. `NORMAL` survives a killed process, not a power cut."),
    ] = "FULL"
    wait_seconds: Annotated[
        Seconds, Meta(description="Longest wait for a busy database before a request gets `busy`.")
    ] = 5.0
    pool_connections: Annotated[Positive, Meta(description="PostgreSQL only: connections of one process.")] = 8


class Limits(Section, frozen=True):
    request_body_bytes: Annotated[Positive, Meta(description="Largest request body.")] = MIB
    upload_body_bytes: Annotated[Positive, Meta(description="Largest body on an upload route.")] = 25 * MIB

    frame_bytes: Annotated[Positive, Meta(description="Largest frame from a socket after a 2.x hello.")] = 64 * KIB
    early_frame_bytes: Annotated[Positive, Meta(description="Largest frame from a socket before its hello.")] = MIB
    unfinished_bytes: Annotated[
        Positive, Meta(description="Unfinished frames of all sockets not signed in, together.")
    ] = 16 * MIB
    socket_output_bytes: Annotated[
        Positive, Meta(description="Unsent bytes of one socket; beyond it is closed with 4008.")
    ] = MIB
    socket_frames: Annotated[Window, Meta(description="Frames from one socket.")] = Window(60, 3)
    socket_frames_waiting: Annotated[
        Positive, Meta(description="Frames of one socket that may wait before its reading pauses.")
    ] = 64
    socket_input_bytes: Annotated[
        Positive, Meta(description="Bytes of one socket that may wait before its reading pauses.")
    ] = 256 * KIB

    send: Annotated[Window, Meta(description="Messages of one account.")] = Window(20, 4)
    room_send: Annotated[Window, Meta(description="Messages in one room.")] = Window(60, 3)
    reactions: Annotated[Window, Meta(description="Reactions of one account.")] = Window(5, 1)
    edits: Annotated[Window, Meta(description="Edits of one account.")] = Window(10, 10)
    typing: Annotated[Window, Meta(description="Typing notes of one account in one room; more are dropped.")] = Window(
        1, 3
    )
    login: Annotated[Window, Meta(description="Sign-ins from one address.")] = Window(30, 600)
    register: Annotated[Window, Meta(description="Registrations from one address.")] = Window(20, 3600)
    register_invited: Annotated[Window, Meta(description="Registrations with a valid invitation from one address.")] = (
        Window(300, 3600)
    )
    invitations: Annotated[Window, Meta(description="Invitations by one account.")] = Window(20, 3600)
    rooms: Annotated[Window, Meta(description="New rooms of one account.")] = Window(20, 3600)
    uploads: Annotated[Window, Meta(description="Uploads of one account.")] = Window(20, 60)
    stored_bytes: Annotated[Positive, Meta(description="Files one account may keep stored.")] = GIB
    search: Annotated[Window, Meta(description="Searches of one account.")] = Window(10, 10)
    search_seconds: Annotated[Seconds, Meta(description="Longest search in the database.")] = 2.0
    account: Annotated[Window, Meta(description="Everything else of one account.")] = Window(300, 60)
    address: Annotated[Window, Meta(description="Everything else from one address.")] = Window(1200, 60)

    sockets: Annotated[Positive, Meta(description="Open sockets of one process.")] = 10_000
    sockets_per_account: Annotated[Positive, Meta(description="Open sockets of one account.")] = 20
    sockets_not_signed_in: Annotated[Positive, Meta(description="Sockets not signed in yet, in all.")] = 1000
    sockets_not_signed_in_per_address: Annotated[
        Positive, Meta(description="Sockets not signed in yet, from one address.")
    ] = 100
    hello_seconds: Annotated[Seconds, Meta(description="Time for a socket to say hello.")] = 30.0
    sign_in_seconds: Annotated[Seconds, Meta(description="Time for a socket to sign in after its hello.")] = 10.0
    ping_seconds: Annotated[Seconds, Meta(description="A quiet socket is pinged after this time.")] = 25.0
    idle_seconds: Annotated[
        Seconds, Meta(description="A socket without any byte for this time is closed with 4002.")
    ] = 60.0


class Delivery(Section, frozen=True):
    resume_frames_per_stream: Annotated[Positive, Meta(description="Frames replayed for one stream.")] = 500
    resume_frames: Annotated[Positive, Meta(description="Frames replayed for one connection.")] = 2000
    resume_bytes: Annotated[Positive, Meta(description="Bytes replayed for one connection.")] = 2 * MIB
    heads_seconds: Annotated[
        Seconds, Meta(description="How often a process compares the heads of the streams it serves.")
    ] = 1.0
    keep_entries: Annotated[Positive, Meta(description="A stream keeps at least so many of its last entries.")] = 1000
    keep_days: Annotated[Positive, Meta(description="A stream keeps its entries at least so many days.")] = 30


class Server(Section, frozen=True):
    threads: Annotated[Positive, Meta(description="Threads that run requests and commands, a process.")] = 32
    connections: Annotated[Positive, Meta(description="HTTP connections open at once, sockets apart.")] = 4096
    running_requests: Annotated[Positive, Meta(description="Requests running at once.")] = 64
    waiting_requests: Annotated[Positive, Meta(description="Requests that may wait for a place.")] = 256
    wait_seconds: Annotated[Seconds, Meta(description="Longest wait for a place, then 503.")] = 5.0
    hashes_at_once: Annotated[Positive, Meta(description="Password hashes computed at once.")] = 2
    body_seconds: Annotated[Seconds, Meta(description="Longest pause while a request's head or body arrives.")] = 30.0
    drain_seconds: Annotated[
        float,
        Meta(
            ge=0,
            description="On a stop, `/ready` answers 503 for so long before the port is closed, so that a proxy that "
            "asks it sends new work elsewhere.",
        ),
    ] = 0.0
    first_request_seconds: Annotated[
        Seconds,
        Meta(description="On a stop, a connection made before that has asked for nothing yet has this time to do so."),
    ] = 1.0
    stop_spread_seconds: Annotated[
        Seconds, Meta(description="On a stop, sockets are closed with 4012 spread over this time.")
    ] = 3.0
    stop_seconds: Annotated[Seconds, Meta(description="On a stop, running requests have this time to finish.")] = 12.0
    upload_prefixes: Annotated[
        tuple[str, ...], Meta(description="Paths whose bodies may be as large as an upload.")
    ] = ("/api/v1/attachments", "/api/v1/users/me/avatar")


class Upkeep(Section, frozen=True):
    check_seconds: Annotated[
        Seconds, Meta(description="How often the process that does the upkeep says so and looks what is due.")
    ] = 5.0
    takeover_seconds: Annotated[
        Seconds, Meta(description="Another process takes the upkeep over after this silence: several checks long.")
    ] = 20.0
    expiry_seconds: Annotated[
        Seconds, Meta(description="How often temporary rooms, invitations and dead processes are looked for.")
    ] = 30.0
    clean_seconds: Annotated[
        Seconds, Meta(description="How often old entries of the log, sign-ins and limits are taken away.")
    ] = 3600.0


class Config(Section, frozen=True):
    """The whole configuration, checked and complete; made by `load`."""

    host: Annotated[str, Meta(min_length=1, description="Address to listen on.")] = "127.0.0.1"
    http_port: Annotated[Port, Meta(description="Port of pages, REST and WebSocket.")] = 8082
    tcp_port: Annotated[Port, Meta(description="Port of the TCP gateway.")] = 8080
    data_dir: Annotated[Path, Meta(description="Directory of the database, the secrets and the files.")] = Path("data")
    redis_url: Annotated[
        str | None, Meta(description="`redis://…` of the server that carries hints between processes. None: no Redis.")
    ] = None
    jwt_secret: Annotated[
        str, Meta(description="Signs access and refresh tokens. Empty: made once, kept in the data directory.")
    ] = ""
    secret_key: Annotated[str, Meta(description="Django's secret. Empty: made once, kept in the data directory.")] = ""
    audit_key: Annotated[
        str, Meta(description="Signs the heads of the staff log. Empty: made once, kept in the data directory.")
    ] = ""
    limits_on: Annotated[
        bool, Meta(description="Rate limits; `LAIR_LIMITS=off` for load tests only. Sizes and counts stay.")
    ] = True
    metrics_token: Annotated[
        str, Meta(description="Bearer token that opens `/metrics` to other machines. Empty: this machine only.")
    ] = ""
    allowed_hosts: Annotated[
        tuple[str, ...],
        Meta(description="Host names we answer to. Empty: this machine's own, `host` and the site address's."),
    ] = ()
    trusted_proxies: Annotated[
        tuple[str, ...], Meta(description="Networks whose forwarding headers are believed. Empty: nobody's.")
    ] = ()
    api_described: Annotated[
        bool, Meta(description="Show the description of the API, `/openapi.json` and `/docs`, to everybody.")
    ] = True
    cors_origins: Annotated[
        tuple[str, ...], Meta(description="Origins whose pages may call the REST API, without cookies.")
    ] = ()
    allowed_origins: Annotated[
        tuple[str, ...], Meta(description="Origins whose pages may open a socket, beside the site's own.")
    ] = ()
    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR"], Meta(description="Least serious log lines shown.")
    ] = "INFO"
    site: Site = Site()
    # `database` is what Django is given; the section behind it has the same name in files and in the environment.
    storage: Database = field(name="database", default=Database())
    limits: Limits = Limits()
    delivery: Delivery = Delivery()
    server: Server = Server()
    upkeep: Upkeep = Upkeep()

    @property
    def database_url(self) -> str:
        return self.storage.url

    @property
    def database(self) -> dict[str, Any]:
        """Django's `DATABASES["default"]`."""
        return database_settings(
            self.storage.url,
            synchronous=self.storage.synchronous,
            wait_seconds=self.storage.wait_seconds,
            pool_connections=self.storage.pool_connections,
        )


SECRETS = ("jwt_secret", "secret_key", "audit_key")
# Values that may hold a password: never repeated in a message.
UNSHOWN = (*SECRETS, "metrics_token", "database.url", "redis_url")
