"""Scopes: the words of an expectation (`during death`, `shard 3`) as the windows and shards of one trial."""

from __future__ import annotations

from collections.abc import Callable

from chaos.analysis.availability import Interval
from chaos.analysis.facts import TrialFacts
from chaos.analysis.look import Look
from chaos.errors import Inconclusive


def look_at(facts: TrialFacts, kind: str, name: str | None) -> Look:
    """Where a scope of this kind and name looks in a trial.

    Raises Inconclusive if it looks at nothing: an injection that never took effect, a trial in
    which every shard was hit.
    """
    return _LOOKS[kind](facts, name or "")


def _trial(facts: TrialFacts, name: str) -> Look:
    return Look(((facts.trial.t0, facts.trial.t_end),))


def _before(facts: TrialFacts, name: str) -> Look:
    first = min((effect.injection.issued_at for effect in facts.effects), default=facts.trial.t_end)
    return _in_windows([(facts.trial.t0, first)], "nothing lies before the first fault")


def _during(facts: TrialFacts, name: str) -> Look:
    windows = [
        (effect.effective.value, effect.injection.reverting_at or facts.trial.timeline_end)
        for effect in facts.named(name)
        if effect.effective
    ]
    return _in_windows(windows, f"'{name}' never took effect")


def _after(facts: TrialFacts, name: str) -> Look:
    ends = [
        effect.injection.reverted_at if effect.injection.reverted_at is not None else effect.effective.value
        for effect in facts.named(name)
        if effect.effective
    ]
    windows = [(max(ends), facts.trial.t_end)] if ends else []
    return _in_windows(windows, f"'{name}' never took effect")


def _shard(facts: TrialFacts, name: str) -> Look:
    return Look(_trial(facts, "").windows, frozenset({int(name)}))


def _other_shards(facts: TrialFacts, name: str) -> Look:
    others = frozenset(facts.evidence.plan.shard_slots) - facts.hit_shards
    if not others:
        raise Inconclusive("every shard was hit: there are no other shards")
    return Look(_trial(facts, "").windows, others)


def _load(facts: TrialFacts, name: str) -> Look:
    return Look(_trial(facts, "").windows, load=name)


def _in_windows(windows: list[Interval], otherwise: str) -> Look:
    known = tuple(sorted((begin, end) for begin, end in windows if end > begin))
    if not known:
        raise Inconclusive(otherwise)
    return Look(known)


_LOOKS: dict[str, Callable[[TrialFacts, str], Look]] = {
    "trial": _trial,
    "before": _before,
    "during": _during,
    "after": _after,
    "shard": _shard,
    "other shards": _other_shards,
    "load": _load,
}
