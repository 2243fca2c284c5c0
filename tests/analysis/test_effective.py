"""When a fault really acted: what a node's silence before it was asked for can and cannot say."""

from __future__ import annotations

import numpy

from chaos.analysis.effective import Effect, effect_of
from chaos.model.evidence import Sighting, TrialEvidence
from chaos.model.injection import CONFIRMED, InjectionRecord
from chaos.model.operation import BEAT_FIELDS, ERROR_CODE, Outcome

ISSUED, CONFIRMED_AT = 100.0, 100.1
PERIOD = 0.002


def effect_with_silence_from(first_unanswered: float, *sightings: Sighting) -> Effect:
    """A node that answered each beat within 0.2 ms until one at `first_unanswered`, and none from there on."""
    sent = numpy.arange(ISSUED - 0.9, ISSUED + 1.0, PERIOD)
    rows = numpy.zeros(len(sent), dtype=numpy.dtype(list(BEAT_FIELDS)))
    rows["sent"], rows["completed"] = sent, sent + 0.0002
    silent = sent >= first_unanswered
    rows["completed"][silent] = numpy.nan
    rows["outcome"][silent], rows["error"][silent] = Outcome.UNKNOWN, ERROR_CODE["timeout"]
    injection = InjectionRecord(
        name="freeze", number=1, trial=1, fault="pause", mechanism="", target="node redis-1", nodes=("redis-1",),
        planned_at=ISSUED, issued_at=ISSUED, confirmed_at=CONFIRMED_AT, effect=CONFIRMED,
    )  # fmt: skip
    nothing = numpy.empty(0)
    trial = TrialEvidence(
        number=1, seed=1, t0=90.0, t_end=130.0, timeline_end=120.0, wall_offset=0.0, injections=(injection,),
        view_changes=(), log_events=(), sightings=sightings, operations=nothing, beats=rows, final_reads=nothing,
    )  # fmt: skip
    return effect_of(injection, trial, ["redis-1"])


def test_silence_within_the_driver_s_interval_narrows_it() -> None:
    """The first beat without an answer puts the effect within a few milliseconds."""
    effect = effect_with_silence_from(ISSUED + 0.03)
    assert effect.effective is not None
    assert abs(effect.effective.value - (ISSUED + 0.03)) < 0.005
    assert effect.effective.uncertainty < 0.01


def test_a_node_that_was_slow_just_before_does_not_contradict_the_driver() -> None:
    """Beats unanswered from 22 ms before the fault was asked for leave the driver's interval as it is."""
    effect = effect_with_silence_from(ISSUED - 0.022)
    assert effect.disagreements == ()
    assert effect.effective is not None
    assert ISSUED <= effect.effective.value <= CONFIRMED_AT


def test_a_node_that_was_gone_long_before_is_a_disagreement() -> None:
    """Half a second of silence before the fault was asked for cannot be its doing, and is said."""
    assert effect_with_silence_from(ISSUED - 0.5).disagreements != ()


def test_a_process_that_takes_its_time_to_be_gone_does_not_contradict_its_silence() -> None:
    """Answers and silence say when it stopped acting; its exit, 30 ms later, is no contradiction."""
    exit_seen = Sighting("process ended", "redis-1", after=ISSUED + 0.059, at=ISSUED + 0.06)
    effect = effect_with_silence_from(ISSUED + 0.03, exit_seen)
    assert effect.disagreements == ()
    assert effect.effective is not None
    assert abs(effect.effective.value - (ISSUED + 0.03)) < 0.005
