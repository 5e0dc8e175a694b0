"""What is counted, for `/metrics`, the desk and the tests (guarantees, section 7)."""

from collections.abc import Callable

from prometheus_client import Counter, Gauge

from lairchat.core.summary import Summary

ACTIONS = Counter("lair_chat_actions_total", "Actions by name and outcome.", ["action", "outcome"])
LIMITED = Counter("lair_chat_rate_limited_total", "Refusals by limit.", ["limit"])
DUPLICATES = Counter("lair_chat_duplicate_sends_total", "Sends answered with the first message of their nonce.")
GAPS = Counter("lair_chat_gaps_healed_total", "Holes in a stream filled from the log.")
HEADS_FOUND = Counter("lair_chat_heads_found_total", "Entries found by comparing heads, without a hint.")
RESETS = Counter("lair_chat_resets_total", "Streams a client had to read again, by reason.", ["reason"])
RESUMES = Counter("lair_chat_resumes_total", "Connections that resumed from their positions.")
CLOSES = Counter("lair_chat_socket_closes_total", "Sockets closed by the server, by code.", ["code"])
FRAMES = Counter("lair_chat_frames_sent_total", "Frames written to sockets.")
SOCKETS = Gauge("lair_chat_sockets", "Open signed-in sockets of this process.")
BATCH_SIZES = Summary("lair_chat_batch_size", "Acts that shared a commit in the writer lane.", ())
BATCH_RETRIES = Counter("lair_chat_batch_retries_total", "Batches that failed together and were tried one by one.")
HINTS = Counter("lair_chat_hints_total", "Hints between processes, by what became of them.", ["fate"])

CHORES = Counter("lair_chat_upkeep_total", "Upkeep by piece and outcome.", ["chore", "outcome"])

OPEN_SOCKETS = Gauge("lair_chat_open_sockets", "Open sockets of this process, signed in or not.")
REFUSED_SOCKETS = Counter("lair_chat_refused_sockets_total", "Sockets refused because too many are open.")
REFUSED_REQUESTS = Counter("lair_chat_refused_requests_total", "Requests refused because too many wait.")

# The original's names (protocol-v1, section 10).
REQUESTS = Counter("http_requests_total", "Requests answered.", ["method", "route", "status"])
REQUEST_SECONDS = Summary("http_request_duration_seconds", "Time to answer.", ("method", "route", "status"))

METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}  # others would make a label per invention


def count_request(method: str, route: str, status: int, seconds: float) -> None:
    """One answered request; `route` is the pattern, so that labels stay few."""
    labels = (method if method in METHODS else "other", route, str(status))
    REQUESTS.labels(*labels).inc()
    REQUEST_SECONDS.observe(labels, seconds)


_at_scrape: list[Callable[[], None]] = []


def gauge_at_scrape(name: str, documentation: str, read: Callable[[], float]) -> None:
    """A figure that is looked up when somebody asks, in the thread of the request."""
    gauge = Gauge(name, documentation)
    _at_scrape.append(lambda: gauge.set(read()))


def refresh() -> None:
    """Look the figures up, before they are shown."""
    for look_up in _at_scrape:
        look_up()
