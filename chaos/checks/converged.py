"""converged: how long after the last revert convergence came, to stay."""

from __future__ import annotations

from chaos.analysis.facts import TrialFacts
from chaos.analysis.look import Look
from chaos.analysis.wording import listing
from chaos.checks.check import Check, Measured
from chaos.scenario.bounds import Unit


class Converged(Check, name="converged"):
    """Counted from serving if nothing was reverted; what never came by the end of the trial has not ended."""

    sentence = "time from the last revert until every process is a member at its address and all views agree for good"
    unit = "seconds"
    awaited = True

    def measure(self, facts: TrialFacts, look: Look, unit: Unit) -> Measured:
        if not facts.trial.view_changes:
            return Measured(None, "no view was recorded")
        waited = facts.settled_seconds(facts.converged)
        if waited is None:
            wanting = f"not even at the end: {listing(facts.not_converged)}"
            return Measured(facts.trial.t_end - facts.settle_anchor(), wanting, unended=True)
        return Measured(waited)
