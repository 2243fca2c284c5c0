"""Latency: percentiles of how long operations took, corrected and uncorrected.

Corrected counts from the intended time of an open schedule, so that what a stalled server
delayed is counted; uncorrected counts from sending. Operations that were acknowledged, timed
out (at their end) or could not be sent (at the end of their time-out) count; one that was
refused does not: a quick refusal is no quick answer.
"""

from __future__ import annotations

import numpy

from chaos.model.evidence import Rows
from chaos.model.operation import Outcome
from chaos.model.result import Latency

QUANTILES = (0.5, 0.99, 0.999)
NO_LATENCY = Latency(p50=None, p99=None, p999=None, max=None)


def corrected_seconds(operations: Rows, timeout_seconds: float) -> Rows:
    """Seconds from the intended time to the end of each operation that counts."""
    counted = operations[operations["outcome"] != Outcome.FAILED]
    begin = numpy.where(numpy.isnan(counted["intended"]), counted["sent"], counted["intended"])
    end = numpy.where(numpy.isnan(counted["completed"]), begin + timeout_seconds, counted["completed"])
    seconds: Rows = end - begin
    return seconds


def uncorrected_seconds(operations: Rows, timeout_seconds: float) -> Rows:
    """Seconds from sending to the end of each operation that counts and was sent."""
    sent = ~numpy.isnan(operations["sent"]) & (operations["outcome"] != Outcome.NOT_SENT)
    counted = operations[sent & (operations["outcome"] != Outcome.FAILED)]
    end = numpy.where(numpy.isnan(counted["completed"]), counted["sent"] + timeout_seconds, counted["completed"])
    seconds: Rows = end - counted["sent"]
    return seconds


def percentiles(seconds: Rows) -> Latency:
    """Median, 99th, 99.9th percentile and maximum in milliseconds; each is the latency of a real operation."""
    if not len(seconds):
        return NO_LATENCY
    p50, p99, p999 = (float(value) * 1000 for value in numpy.quantile(seconds, QUANTILES, method="inverted_cdf"))
    return Latency(p50=p50, p99=p99, p999=p999, max=float(seconds.max()) * 1000)
