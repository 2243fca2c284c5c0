"""latency_p999: what 99.9 % of the operations were no slower than."""

from __future__ import annotations

from chaos.analysis.facts import TrialFacts
from chaos.analysis.look import Look
from chaos.checks._latency import LATENCY_SCOPES, latency_percentile
from chaos.checks.check import Check, Measured
from chaos.scenario.bounds import Unit


class LatencyP999(Check, name="latency_p999"):
    """Counted from the intended time; time-outs count at their end, refusals do not count."""

    sentence = "the latency that 99.9 % of the operations did not exceed, corrected for the intended time"
    unit = "milliseconds"
    scopes = LATENCY_SCOPES
    needs_load = True

    def measure(self, facts: TrialFacts, look: Look, unit: Unit) -> Measured:
        return latency_percentile(facts, look, "p999")
