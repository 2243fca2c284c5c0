"""Statistics: one measure over the trials of a run."""

from __future__ import annotations

from collections.abc import Sequence

import numpy

from chaos.model.result import Measure


def summarise(values: Sequence[float | None]) -> Measure:
    """Median, least, greatest and 95th percentile of the trials that have a value."""
    known = [value for value in values if value is not None]
    if not known:
        return Measure(median=None, n=0)
    return Measure(
        median=median(known),
        low=min(known),
        high=max(known),
        p95=percentile_95(known),
        n=len(known),
    )


def median(values: Sequence[float]) -> float:
    """The middle value, or the mean of the two in the middle."""
    return float(numpy.median(values))


def percentile_95(values: Sequence[float]) -> float:
    """The smallest value that 95 % of the values do not exceed."""
    return float(numpy.quantile(values, 0.95, method="inverted_cdf"))
