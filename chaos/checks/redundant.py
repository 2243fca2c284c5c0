"""redundant: how long after the last revert redundancy came, to stay."""

from __future__ import annotations

from chaos.analysis.facts import TrialFacts
from chaos.analysis.look import Look
from chaos.analysis.wording import listing
from chaos.checks.check import Check, Measured
from chaos.scenario.bounds import Unit


class Redundant(Check, name="redundant"):
    """Counted from serving if nothing was reverted; what never came by the end of the trial has not ended."""

    sentence = "time from the last revert until every shard has its replicas with their links up, to the end"
    unit = "seconds"
    awaited = True

    def measure(self, facts: TrialFacts, look: Look, unit: Unit) -> Measured:
        if not facts.trial.view_changes:
            return Measured(None, "no view was recorded")
        waited = facts.settled_seconds(facts.redundant)
        if waited is None:
            wanting = f"not even at the end: {listing(facts.not_redundant)}"
            return Measured(facts.trial.t_end - facts.settle_anchor(), wanting, unended=True)
        return Measured(waited)
