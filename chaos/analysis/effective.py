"""Effective: the instant from which a fault really acted, from everyone who could see it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy

from chaos.analysis.instants import BEATS, CONNECTION, HARNESS, PROCESS_EXIT, Combined, Instant, combine, latest
from chaos.model.evidence import Rows, Sighting, TrialEvidence
from chaos.model.injection import InjectionRecord
from chaos.model.operation import ERROR_CODE, Outcome

NO_ANSWER = [ERROR_CODE[name] for name in ("timeout", "connection refused", "connection lost", "not sent")]
SLOW_SECONDS = 0.25
"""A node that answers within this time was slow, not silent: the canary's own time-out."""
NEAR_SECONDS = 1.0
"""How far around an injection beats are looked at."""


@dataclass(frozen=True, slots=True)
class Effect:
    """One injection with the instant at which it had taken effect on its last node."""

    injection: InjectionRecord
    effective: Instant | None
    disagreements: tuple[str, ...] = ()

    def shards(self, formed: dict[str, int | None]) -> frozenset[int]:
        """The shards it was meant to hit: those of its nodes, as formed, and those they were masters of."""
        own = {shard for node in self.injection.nodes if (shard := formed.get(node)) is not None}
        return frozenset(own | set(self.injection.master_of))


def effects(trial: TrialEvidence, node_names: Sequence[str]) -> tuple[Effect, ...]:
    """Every injection of a trial with its effective instant."""
    return tuple(effect_of(injection, trial, node_names) for injection in trial.injections)


def effect_of(injection: InjectionRecord, trial: TrialEvidence, node_names: Sequence[str]) -> Effect:
    """When one injection took effect: the last of its nodes' instants.

    For each node the driver's [issued, confirmed] is narrowed by what the observer saw: its
    process ended, its open connection fell silent, its beats were never answered again.
    """
    combined = [_on_node(injection, node, trial, node_names.index(node)) for node in injection.nodes]
    disagreements = tuple(text for one in combined for text in one.disagreements)
    if any(one.instant is None for one in combined):
        return Effect(injection, None, disagreements)
    return Effect(injection, latest([one.instant for one in combined if one.instant]), disagreements)


def _on_node(injection: InjectionRecord, node: str, trial: TrialEvidence, index: int) -> Combined:
    confirmed = injection.confirmed_at
    driver = Instant(injection.issued_at, confirmed, HARNESS) if confirmed is not None else None
    until = injection.reverting_at or trial.t_end
    near = _near(trial.beats, index, injection.issued_at, confirmed if confirmed is not None else until)
    answer = _slowest_answer(near, injection.issued_at)
    ended = _sighting("process ended", PROCESS_EXIT, node, injection.issued_at, until, trial.sightings)
    if ended:  # a killed process acts no more, but is gone only when its memory is: this bounds the effect from above
        ended = replace(ended, low=min(ended.low, injection.issued_at))
    # The first beat without an answer may have been on its way already when the fault was asked for.
    fell_silent = _sighting("silence began", CONNECTION, node, injection.issued_at - answer, until, trial.sightings)
    if fell_silent:
        fell_silent = replace(fell_silent, high=fell_silent.high + answer)
    silence = _silence(near, injection.issued_at, answer)
    seen = [driver, ended, *(one for one in (fell_silent, silence) if one and not _slow(one, injection.issued_at))]
    return combine(f"effective on {node}", seen)


def _slow(silence: Instant, issued_at: float) -> bool:
    """Whether a node was silent already when the fault was asked for, and not for longer than a slow one may be.

    Such a silence says nothing of when the fault acted. A longer one does: the node was gone before.
    """
    return silence.widened[1] < issued_at <= silence.widened[1] + SLOW_SECONDS


def _sighting(
    kind: str, source: str, node: str, since: float, until: float, sightings: Sequence[Sighting]
) -> Instant | None:
    own = [one for one in sightings if one.kind == kind and one.node == node and since <= one.at <= until]
    if not own:
        return None
    first = min(own, key=lambda sighting: sighting.at)
    return Instant(first.after, first.at, source)


def _near(beats: Rows, index: int, since: float, until: float) -> Rows:
    """The beats to one node around an injection, in the order of sending."""
    around = (beats["sent"] > since - NEAR_SECONDS) & (beats["sent"] < until + NEAR_SECONDS)
    near: Rows = beats[around & (beats["node"] == index)]
    ordered: Rows = near[numpy.argsort(near["sent"], kind="stable")]
    return ordered


def _slowest_answer(near: Rows, since: float) -> float:
    """The longest the node took to answer a beat before the injection, in seconds.

    A beat that is never answered may have been on its way for this long when the fault acted.
    """
    before = near[(near["sent"] < since) & (near["outcome"] == Outcome.OK)]
    return float((before["completed"] - before["sent"]).max()) if len(before) else 0.0


def _silence(near: Rows, since: float, answer_seconds: float) -> Instant | None:
    """From the last answered beat before the node stopped answering beats to the first one never answered.

    None if the node was not beaten around the injection, or answered again in the second after it.
    """
    answered = ~numpy.isin(near["error"], NO_ANSWER)
    silent = numpy.flatnonzero(~answered & (near["sent"] >= since - answer_seconds))
    if not len(silent):
        return None
    before = numpy.flatnonzero(answered[: silent[0]])
    if not len(before) or answered[silent[0] :].any():
        return None
    first = before[-1] + 1  # which may have been sent before the fault was asked for
    low, high = float(near["sent"][before[-1]]), float(near["sent"][first]) + answer_seconds
    return Instant(low, high, BEATS, float(near["lateness"][first]))
