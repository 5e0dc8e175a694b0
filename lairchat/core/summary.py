"""Summaries with quantiles, as the original rendered them; prometheus_client's have none."""

from collections import deque
from collections.abc import Iterator
from threading import Lock

from prometheus_client import REGISTRY
from prometheus_client.metrics_core import Metric, SummaryMetricFamily
from prometheus_client.samples import Sample

QUANTILES = (0, 0.5, 0.9, 0.95, 0.99, 0.999, 1)
REMEMBERED = 512  # observations behind a quantile, per label set


class Summary:
    """Count, sum and quantiles per label set; the quantiles are of the last observations."""

    def __init__(self, name: str, documentation: str, labels: tuple[str, ...]) -> None:
        self.name, self.documentation, self.labels = name, documentation, labels
        self._lock = Lock()
        self._kept: dict[tuple[str, ...], deque[float]] = {}
        self._totals: dict[tuple[str, ...], tuple[int, float]] = {}
        REGISTRY.register(self)

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
