"""The two expectations that every run has: its faults took effect, and everything was healed."""

from __future__ import annotations

from collections.abc import Sequence

from chaos.analysis.facts import TrialFacts
from chaos.analysis.wording import listing
from chaos.model.evidence import Evidence
from chaos.model.result import Expectation
from chaos.model.verdict import INCONCLUSIVE, PASS

ALWAYS = "always"


def implicit_expectations(evidence: Evidence, trials: Sequence[TrialFacts]) -> tuple[Expectation, ...]:
    """Judged in every run. Neither is about the system under test: what does not hold makes the run inconclusive."""
    return _faults_confirmed(trials), _healed(evidence)


def _faults_confirmed(trials: Sequence[TrialFacts]) -> Expectation:
    """Every injection of every trial was seen to take effect by a probe of its own."""
    wrong = [text for facts in trials for text in facts.mismatches]
    first = next((facts.trial.number for facts in trials if facts.mismatches), None)
    return _expectation("faults_confirmed", wrong, first)


def _healed(evidence: Evidence) -> Expectation:
    """Every injection was reverted; what was not is listed with how to do it by hand."""
    return _expectation("healed", list(evidence.undo_failures), None)


def _expectation(name: str, wrong: list[str], trial: int | None) -> Expectation:
    return Expectation(
        check=name,
        scope="trial",
        bound=ALWAYS,
        measured=None,
        trial=trial,
        verdict=INCONCLUSIVE if wrong else PASS,
        reason=listing(wrong),
    )
