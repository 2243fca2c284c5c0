"""Evidence as read back from a run directory is what the run recorded, and survives a killed run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy
import pytest

from chaos.analysis.result import result_of
from chaos.archive.evidence import read_evidence
from chaos.archive.result import read_result, write_result
from chaos.archive.run_directory import RunDirectory
from chaos.archive.views import to_line
from chaos.errors import Inconclusive
from chaos.model.event import Event
from chaos.model.evidence import NodeLogEvent
from chaos.model.operation import BEAT_FIELDS, FINAL_READ_FIELDS, OPERATION_FIELDS, RowDescription
from chaos.model.plan import RunPlan
from chaos.model.view import ViewChange
from tests.evidence_builder import NODES, ORDINARY, STRICT, T0, Story, plan, view


def read_log(plan: RunPlan, node: str, text: str, wall_offset: float) -> list[NodeLogEvent]:
    """A log whose lines are `SECONDS KIND`, in wall time."""
    lines = [line.split(" ", 1) for line in text.splitlines()]
    told = [(float(wall) - wall_offset, kind) for wall, kind in lines]
    return [NodeLogEvent(node, at, at, kind, None, kind) for at, kind in told]


def event(seq: int, name: str, when: float, trial: int | None = 1, /, **data: Any) -> Event:
    at = T0 + when
    return Event(seq=seq, monotonic_seconds=at, wall=f"w{seq}", source="harness", event=name, trial=trial, data=data)


def journal(*more: Event) -> list[Event]:
    return [
        event(1, "run_started", -6, None, run_id="r"),
        event(2, "trial_started", 0, t0=T0, wall_offset=500.0),
        *more,
        event(90, "timeline_ended", 35, at=T0 + 35),
        event(91, "trial_ended", 40, t_end=T0 + 40),
        event(92, "phase_ended", 41, None, phase="teardown", seconds=0.5),
    ]


@pytest.fixture
def directory(tmp_path: Path) -> RunDirectory:
    made = RunDirectory.create(tmp_path, "run")
    made.plan.write_text(plan(defaults={"name": "master-kill", "duration": 35.0}).model_dump_json())
    keep(made, journal())
    return made


def keep(directory: RunDirectory, events: Sequence[Event]) -> None:
    directory.journal.write_text("".join(one.model_dump_json() + "\n" for one in events))


def keep_rows(directory: RunDirectory, story: Story, nodes: tuple[str, ...] = NODES) -> None:
    trial = story.trial()
    directory.operations.write_bytes(trial.operations.tobytes())
    directory.beats.write_bytes(trial.beats.tobytes())
    directory.final_reads(1).write_bytes(trial.final_reads.tobytes())
    for path, fields in (
        (directory.operations_description, OPERATION_FIELDS),
        (directory.beats_description, BEAT_FIELDS),
        (directory.final_reads_description, FINAL_READ_FIELDS),
    ):
        path.write_text(RowDescription(fields=fields, nodes=nodes, clients=(STRICT, ORDINARY)).model_dump_json())


def test_rows_come_back_as_recorded(directory: RunDirectory) -> None:
    """Operations, beats and final reads are equal to what was written."""
    story = Story().operation(1, key=3, write=1).beat(1, 2, "redis-1").final(3, 1)
    keep_rows(directory, story)
    read, made = read_evidence(directory, read_log).trials[0], story.trial()
    for name in ("operations", "beats", "final_reads"):
        numpy.testing.assert_array_equal(getattr(read, name), getattr(made, name))


def test_a_torn_last_row_is_left_out(directory: RunDirectory) -> None:
    """A load that was killed in the middle of a row loses that row only."""
    keep_rows(directory, Story().operation(1, write=1).operation(2, write=2))
    directory.operations.write_bytes(directory.operations.read_bytes()[:-3])
    assert len(read_evidence(directory, read_log).trials[0].operations) == 1


def test_a_torn_last_event_is_left_out(directory: RunDirectory) -> None:
    """A journal that ends in the middle of a line is read up to the line before."""
    directory.journal.write_text(directory.journal.read_text() + '{"seq": 93, "mono')
    assert read_evidence(directory, read_log).ended_at == "w92"


def test_a_run_without_load_has_no_operations(directory: RunDirectory) -> None:
    """Missing files are empty evidence, not an error."""
    evidence = read_evidence(directory, read_log)
    assert len(evidence.trials[0].operations) == 0
    assert evidence.clients == ()


def test_rows_name_nodes_in_the_order_of_the_plan(directory: RunDirectory) -> None:
    """A file that counts its nodes in another order is translated."""
    keep_rows(directory, Story().beat(1, 2, "redis-1"), nodes=tuple(reversed(NODES)))
    assert read_evidence(directory, read_log).trials[0].beats["node"].tolist() == [5]


def test_trials_share_the_rows_by_number_and_by_time(directory: RunDirectory) -> None:
    """Operations belong to the trial they bear, beats and views to the trial in whose time they came."""
    keep_rows(directory, Story().operation(1, write=1).beat(1, 2, "redis-1").beat(1, 45, "redis-1"))
    began = event(95, "trial_started", 44, 2, t0=T0 + 44, wall_offset=500.0)
    keep(directory, [*journal(), began, event(96, "trial_ended", 50, 2, t_end=T0 + 50)])
    first, then = read_evidence(directory, read_log).trials
    assert (len(first.operations), len(then.operations)) == (1, 0)
    assert (first.beats["sent"].tolist(), then.beats["sent"].tolist()) == ([T0 + 2], [T0 + 45])


def test_a_trial_begins_with_what_each_node_believed_before(directory: RunDirectory) -> None:
    """A later trial is given the last view of each observer from before its beginning."""
    changes = [ViewChange(T0 + at, T0 + at + 0.1, view("redis-1", state=state)) for at, state in ((1, "a"), (2, "b"))]
    directory.views.write_text("".join(to_line(1, change) for change in changes))
    keep(directory, [*journal(), event(95, "trial_started", 44, 2, t0=T0 + 44, wall_offset=500.0)])
    then = read_evidence(directory, read_log).trials[1]
    assert [change.view.state for change in then.view_changes] == ["b"]


def test_the_last_record_of_an_injection_holds(directory: RunDirectory) -> None:
    """Of several records with one number the latest is the injection."""
    record = Story().inject().injections[0]
    early, late = record.model_copy(update={"reverted_at": None}), record
    events = [
        event(3, "injection_recorded", 10, **early.model_dump(mode="json")),
        event(4, "injection_ended", 30, **late.model_dump(mode="json")),
    ]
    keep(directory, journal(*events))
    assert read_evidence(directory, read_log).trials[0].injections == (late,)


def test_sightings_come_from_the_observers_events(directory: RunDirectory) -> None:
    """A process that ended and a connection that fell silent are sightings of their trial."""
    events = [
        event(3, "process_ended", 10, None, node="redis-3", pid=1, after=T0 + 9.9, at=T0 + 10),
        event(4, "silence_began", 11, None, node="redis-3", after=T0 + 9.8, at=T0 + 10.1),
    ]
    keep(directory, journal(*events))
    kinds = [(one.kind, one.after, one.at) for one in read_evidence(directory, read_log).trials[0].sightings]
    assert kinds == [("process ended", T0 + 9.9, T0 + 10), ("silence began", T0 + 9.8, T0 + 10.1)]


def test_logs_are_read_on_the_monotonic_clock(directory: RunDirectory) -> None:
    """A log line's wall time is taken back by the trial's own offset; lines of other times are left out."""
    directory.log("redis-1").write_text(f"{T0 + 500 + 12} agreed\n{T0 + 500 + 99} later\n")
    found = read_evidence(directory, read_log).trials[0].log_events
    assert [(one.at, one.kind) for one in found] == [(T0 + 12, "agreed")]


def test_issues_undo_failures_and_phases_are_kept(directory: RunDirectory) -> None:
    """What went wrong stands in the evidence in words, and phases with their seconds."""
    events = [
        event(3, "trial_issue", 1, text="target resolved to nothing"),
        event(4, "undo_failed", 30, name="death", nodes=["redis-3"], error="engine is gone", by_hand="docker start x"),
    ]
    keep(directory, journal(*events))
    evidence = read_evidence(directory, read_log)
    assert evidence.trials[0].issues == ("target resolved to nothing",)
    assert evidence.undo_failures == ("'death' on redis-3: engine is gone; by hand: docker start x",)
    assert evidence.phase_seconds == {"teardown": 0.5}


def test_a_killed_run_ends_with_its_last_event(directory: RunDirectory) -> None:
    """Without a `trial_ended` the trial lasts as long as its journal."""
    keep(directory, [*journal()[:2], event(3, "warning", 12, text="x")])
    assert read_evidence(directory, read_log).trials[0].t_end == T0 + 12


def test_a_run_without_a_plan_is_inconclusive(tmp_path: Path) -> None:
    """A run that ended before it had a plan says so."""
    with pytest.raises(Inconclusive, match="has no plan"):
        read_evidence(RunDirectory.create(tmp_path, "run"), read_log)


def test_a_run_without_a_result_is_inconclusive(directory: RunDirectory) -> None:
    """A run that was not judged says so."""
    with pytest.raises(Inconclusive, match="has no result"):
        read_result(directory)


def test_a_result_comes_back_as_written(directory: RunDirectory) -> None:
    """result.json holds the whole result, under CONTRACT's own key names."""
    result = result_of(Story().evidence(), (), ())
    write_result(directory, result)
    assert read_result(directory) == result
    assert '"schema": 1' in directory.result.read_text()
