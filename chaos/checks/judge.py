"""The judge: what every expectation comes to, by the rules that hold for all checks.

Fail beats inconclusive beats pass. Nothing measured is inconclusive, never pass; so is a check
that crashed. After an effect mismatch only a data check can still fail.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from chaos.analysis.facts import TrialFacts
from chaos.analysis.scopes import look_at
from chaos.analysis.statistics import median, percentile_95
from chaos.analysis.wording import listing
from chaos.checks.check import CHECKS, Check, Measured
from chaos.checks.implicit import implicit_expectations
from chaos.errors import Inconclusive
from chaos.model.evidence import Evidence
from chaos.model.result import Expectation
from chaos.model.verdict import FAIL, INCONCLUSIVE, PASS, Judgement
from chaos.scenario.bounds import Bound
from chaos.scenario.language import ExpectEntry


def judge(evidence: Evidence, trials: Sequence[TrialFacts]) -> tuple[Expectation, ...]:
    """Every expectation of the scenario, in its order, then the implicit ones."""
    entries = [ExpectEntry.model_validate(entry) for entry in evidence.scenario.get("expect", ())]
    return (*(judge_entry(entry, trials) for entry in entries), *implicit_expectations(evidence, trials))


def judge_entry(entry: ExpectEntry, trials: Sequence[TrialFacts]) -> Expectation:
    """One expectation over all trials: it must hold in each, unless its bound is on the median or p95."""
    check = CHECKS.get(entry.check)()
    judged = [_Judged(facts.trial.number, judge_trial(check, entry, facts)) for facts in trials]
    if not judged:
        never = Judgement(measured=None, unit=entry.bound.unit, verdict=INCONCLUSIVE, reason="no trial reached t = 0")
        return _expectation(entry, None, never)
    if entry.bound.statistic != "every":
        return _expectation(entry, None, _judge_statistic(entry.bound, judged), judged)
    decisive = min(judged, key=_Judged.rank)
    return _expectation(entry, decisive.trial, decisive.judgement, judged)


def judge_trial(check: Check, entry: ExpectEntry, facts: TrialFacts) -> Judgement:
    """What one check says of one trial."""
    try:
        look = look_at(facts, entry.scope.kind, entry.scope.name)
        found = check.measure(facts, look, entry.bound.unit)
        bound = _with_prediction(entry.bound, facts)
        return _doubted(check, facts, compare(bound, found))
    except Inconclusive as reason:
        return Judgement(measured=None, unit=entry.bound.unit, verdict=INCONCLUSIVE, reason=str(reason))
    except Exception as error:  # a boundary: whatever breaks inside a check must neither pass nor end the judging
        crash = f"the check crashed: {type(error).__name__}: {error}"
        return Judgement(measured=None, unit=entry.bound.unit, verdict=INCONCLUSIVE, reason=crash)


def compare(bound: Bound, found: Measured) -> Judgement:
    """One measured value against its bound.

    What had not ended fails every upper bound (and `yes`), however small it is yet. What could
    not be looked at wholly is known from below only: it cannot pass an upper bound, and what is
    too small may yet be enough.
    """
    if found.value is None:
        return Judgement(measured=None, unit=bound.unit, verdict=INCONCLUSIVE, reason=found.reason or "no samples")
    holds = bound.holds(found.value)
    limits_above = bound.is_upper or bound.low is None
    too_small = bound.low is not None and found.value < bound.low
    verdict = PASS if holds else FAIL
    if found.unended and limits_above:
        verdict = FAIL
    elif (found.unended or found.incomplete) and (too_small or (holds and limits_above)):
        verdict = INCONCLUSIVE
    return Judgement(
        measured=found.value,
        unit=bound.unit,
        verdict=verdict,
        reason=found.reason,
        margin=None if found.unended else bound.margin(found.value),
    )


@dataclass(frozen=True, slots=True)
class _Judged:
    """One trial's judgement."""

    trial: int
    judgement: Judgement

    def rank(self) -> tuple[int, float]:
        """Sorts the decisive trial first: the worst verdict, then what had no margin, then the least margin."""
        order = (FAIL, INCONCLUSIVE, PASS).index(self.judgement.verdict)
        return order, -math.inf if self.judgement.margin is None else self.judgement.margin


def _with_prediction(bound: Bound, facts: TrialFacts) -> Bound:
    if not bound.prediction or facts.prediction is None:
        return bound
    scale = 1000 if bound.unit == "milliseconds" else 1
    return bound.predicted(facts.prediction.low * scale, facts.prediction.high * scale)


def _doubted(check: Check, facts: TrialFacts, judgement: Judgement) -> Judgement:
    """A judgement of time or availability means nothing where the trial was not what it should have been."""
    doubts = [*facts.trial.issues, *facts.mismatches, *facts.disagreements]
    if check.about_data or not doubts:
        return judgement
    return judgement.model_copy(update={"verdict": INCONCLUSIVE, "reason": listing(doubts)})


def _judge_statistic(bound: Bound, judged: Sequence[_Judged]) -> Judgement:
    """The median or the 95th percentile of the trials' values against the bound."""
    values = [one.judgement.measured for one in judged if one.judgement.measured is not None]
    inconclusive = [one for one in judged if one.judgement.verdict == INCONCLUSIVE]
    if not values or inconclusive:
        reason = inconclusive[0].judgement.reason if inconclusive else "no samples"
        return Judgement(measured=None, unit=bound.unit, verdict=INCONCLUSIVE, reason=reason)
    value = median(values) if bound.statistic == "median" else percentile_95(values)
    return compare(bound, Measured(value, f"{bound.statistic} of {len(values)} trials"))


def _expectation(
    entry: ExpectEntry, trial: int | None, decisive: Judgement, judged: Sequence[_Judged] = ()
) -> Expectation:
    values = [one.judgement.measured for one in judged if one.judgement.measured is not None]
    return Expectation(
        check=entry.check,
        scope=str(entry.scope),
        bound=str(entry.bound),
        measured=decisive.measured,
        median=median(values) if values else None,
        unit=entry.bound.unit,
        margin=decisive.margin,
        trial=trial,
        verdict=decisive.verdict,
        reason=decisive.reason,
    )
