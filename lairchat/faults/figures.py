"""Plain figures of many measurements."""

import math
from collections.abc import Iterable


def percentile(values: Iterable[float], share: float) -> float:
    """The value that `share` of all do not exceed; 0 of none."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * share) - 1)] if ordered else 0.0


def p50(values: Iterable[float]) -> float:
    return percentile(values, 0.50)


def p99(values: Iterable[float]) -> float:
    return percentile(values, 0.99)
