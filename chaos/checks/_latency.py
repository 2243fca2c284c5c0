"""What the latency checks share: one percentile of the corrected latencies where the check looks."""

from __future__ import annotations

from chaos.analysis.facts import TrialFacts
from chaos.analysis.latency import percentiles
from chaos.analysis.look import Look
from chaos.checks.check import Measured

LATENCY_SCOPES = ("trial", "before", "during", "after", "shard", "other shards", "load")


def latency_percentile(facts: TrialFacts, look: Look, field: str) -> Measured:
    """`field` of the corrected latency, in milliseconds."""
    value: float | None = getattr(percentiles(facts.operations(look).corrected_seconds), field)
    return Measured(value, "" if value is not None else "no operation was acknowledged or timed out")
