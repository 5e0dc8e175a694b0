"""Counters of this process. The original's names are kept (protocol-v1, section 10)."""

from collections import deque
from collections.abc import Callable, Iterator
from threading import Lock

from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.metrics_core import Metric, SummaryMetricFamily
from prometheus_client.samples import Sample

registry = CollectorRegistry()

METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}  # others would make a label per invention
QUANTILES = (0, 0.5, 0.9, 0.95, 0.99, 0.999, 1)
REMEMBERED = 512  # observations behind a quantile, per label set

requests = Counter("http_requests", "HTTP requests", ["method", "route", "status"], registry=registry)
refused_requests = Counter("lair_refused_requests", "Requests refused because too many wait", registry=registry)
open_sockets = Gauge("lair_open_sockets", "Open WebSockets", registry=registry)
slow_closes = Counter("lair_slow_closes", "Sockets closed because they did not read", registry=registry)
idle_closes = Counter("lair_idle_closes", "Sockets closed because nothing came", registry=registry)
refused_sockets = Counter("lair_refused_sockets", "Sockets refused because too many are open", registry=registry)


class Summary:
    """Count, sum and quantiles per label set, over the last observations. prometheus_client's has no quantiles."""

    def __init__(self, name: str, documentation: str, labels: tuple[str, ...]) -> None:
        self.name, self.documentation, self.labels = name, documentation, labels
        self._lock = Lock()
        self._kept: dict[tuple[str, ...], deque[float]] = {}
        self._totals: dict[tuple[str, ...], tuple[int, float]] = {}
        registry.register(self)  # type: ignore[arg-type]

    def observe(self, labels: tuple[str, ...], value: float) -> None:
        with self._lock:
            count, total = self._totals.get(labels, (0, 0.0))
            self._totals[labels] = (count + 1, total + value)
            self._kept.setdefault(labels, deque(maxlen=REMEMBERED)).append(value)

    def collect(self) -> Iterator[Metric]:
        family = SummaryMetricFamily(self.name, self.documentation, labels=self.labels)
        with self._lock:
            found = [(labels, sorted(self._kept[labels]), totals) for labels, totals in self._totals.items()]
        for labels, values, (count, total) in found:
            named = dict(zip(self.labels, labels, strict=True))
            for quantile in QUANTILES:
                at = values[min(len(values) - 1, int(quantile * len(values)))]
                family.samples.append(Sample(self.name, {**named, "quantile": str(quantile)}, at))
            family.add_metric(labels, count_value=count, sum_value=total)
        yield family


request_seconds = Summary("http_request_duration_seconds", "Time to answer", ("method", "route", "status"))


def count_request(method: str, route: str, status: int, seconds: float) -> None:
    """One answered request; `route` is the pattern, so that labels stay few."""
    labels = (method if method in METHODS else "other", route, str(status))
    requests.labels(*labels).inc()
    request_seconds.observe(labels, seconds)


_at_scrape: list[tuple[Gauge, Callable[[], float]]] = []


def gauge_at_scrape(name: str, documentation: str, read: Callable[[], float]) -> None:
    """A figure that is looked up when somebody asks, in the thread of the request."""
    _at_scrape.append((Gauge(name, documentation, registry=registry), read))


def refresh() -> None:
    for gauge, read in _at_scrape:
        gauge.set(read())
