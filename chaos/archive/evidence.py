"""Evidence as read back from a run directory: what the run recorded, trial by trial, never judged here.

Everything but the packed rows comes from the journal; it works for a run that was killed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy

from chaos import __version__
from chaos.archive.journal import read_events
from chaos.archive.run_directory import RunDirectory
from chaos.archive.views import read_views
from chaos.errors import Inconclusive
from chaos.model.event import Event
from chaos.model.evidence import Evidence, NodeLogEvent, Rows, Sighting, TrialEvidence
from chaos.model.injection import InjectionRecord
from chaos.model.operation import BEAT_FIELDS, FINAL_READ_FIELDS, NOWHERE, OPERATION_FIELDS, Client, RowDescription
from chaos.model.plan import RunPlan
from chaos.model.view import ViewChange

LogReader = Callable[[RunPlan, str, str, float], list[NodeLogEvent]]
"""(plan, node, text of its log, wall minus monotonic seconds) → its events; `System.read_log` is one."""

SIGHTINGS = {"process_ended": "process ended", "silence_began": "silence began"}
INJECTIONS = ("injection_recorded", "injection_ended")


def read_evidence(directory: RunDirectory, read_log: LogReader) -> Evidence:
    """All evidence of a run; missing files are empty evidence, a torn end of a file is left out.

    Raises Inconclusive if there is no plan: the run ended before it had anything to say.
    """
    plan = read_plan(directory)
    events = read_events(directory.journal)
    archive = _Archive.load(directory, plan, events, read_log)
    started = _first(events, "run_started")
    version = _first(events, "server_version")
    observer = _first(events, "observer_stopped")
    times = [event.monotonic_seconds for event in events] or [0.0]
    return Evidence(
        plan=plan,
        scenario=plan.defaults,
        clients=read_clients(directory),
        trials=tuple(archive.trials()),
        undo_failures=_undo_failures(events),
        phase_seconds=_phase_seconds(events),
        server_version=version.data["version"] if version else plan.server.version,
        tool_version=started.data.get("tool_version", __version__) if started else __version__,
        started_at=events[0].wall if events else "",
        ended_at=events[-1].wall if events else "",
        duration_seconds=max(times) - min(times),
        observer=observer.data if observer else {},
        issues=tuple(_issues(events, trial=None)),
    )


def read_plan(directory: RunDirectory) -> RunPlan:
    """The plan of a run; raises Inconclusive if it has none."""
    try:
        return RunPlan.model_validate_json(directory.plan.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Inconclusive(f"run {directory.run_id} has no plan: it ended before anything was started") from None


def read_clients(directory: RunDirectory) -> tuple[Client, ...]:
    """The kinds of client whose operations were recorded, in the order of the rows' `client`."""
    description = _description(directory.operations_description)
    return description.clients if description else ()


def read_rows(path: Path, fields: tuple[tuple[str, str], ...], description: Path, plan: RunPlan) -> Rows:
    """The packed rows of a file; a torn last row is left out, no file is no row.

    Each row's `node` counts the nodes of the plan; a file whose description counts them in
    another order is translated. Otherwise the file is mapped and not copied.
    """
    kind = numpy.dtype(list(fields))
    count = path.stat().st_size // kind.itemsize if path.is_file() else 0
    if not count:
        return numpy.empty(0, dtype=kind)
    rows: Rows = numpy.memmap(path, dtype=kind, mode="r", shape=(count,))
    names = [node.name for node in plan.nodes]
    written = _description(description)
    if written is None or list(written.nodes) == names:
        return rows
    places = numpy.full(NOWHERE + 1, NOWHERE, dtype=numpy.uint16)
    for place, name in enumerate(written.nodes):
        places[place] = names.index(name) if name in names else NOWHERE
    translated = numpy.array(rows)
    translated["node"] = places[translated["node"]]
    return translated


@dataclass(frozen=True, slots=True)
class _Archive:
    """A run's records before they are shared out to the trials."""

    directory: RunDirectory
    plan: RunPlan
    events: Sequence[Event]
    operations: Rows
    beats: Rows
    views: tuple[ViewChange, ...]
    logs: dict[str, str]
    read_log: LogReader

    @classmethod
    def load(cls, directory: RunDirectory, plan: RunPlan, events: Sequence[Event], read_log: LogReader) -> _Archive:
        logs = {node.name: directory.log(node.name) for node in plan.nodes}
        return cls(
            directory=directory,
            plan=plan,
            events=events,
            operations=read_rows(directory.operations, OPERATION_FIELDS, directory.operations_description, plan),
            beats=read_rows(directory.beats, BEAT_FIELDS, directory.beats_description, plan),
            views=tuple(read_views(directory.views)),
            logs={node: path.read_text("utf-8", "replace") for node, path in logs.items() if path.is_file()},
            read_log=read_log,
        )

    def trials(self) -> Iterable[TrialEvidence]:
        """Each trial that reached t = 0, with what was seen since the trial before it ended."""
        begin = -math.inf
        for started in (event for event in self.events if event.event == "trial_started"):
            trial = self._trial(started, begin)
            begin = trial.t_end
            yield trial

    def _trial(self, started: Event, begin: float) -> TrialEvidence:
        number = started.trial or 1
        own = [event for event in self.events if event.trial == number]
        ended, timeline = _first(own, "trial_ended"), _first(own, "timeline_ended")
        end = ended.data["t_end"] if ended else own[-1].monotonic_seconds
        noise = _first(own, "host_noise")
        directory = self.directory
        final_reads = directory.final_reads(number), FINAL_READ_FIELDS, directory.final_reads_description
        return TrialEvidence(
            number=number,
            seed=started.data.get("seed", self.plan.seed),
            t0=started.data["t0"],
            t_end=end,
            timeline_end=timeline.data["at"] if timeline else end,
            wall_offset=started.data["wall_offset"],
            injections=_injections(own),
            view_changes=_since(self.views, begin, end),
            log_events=self._log_events(started.data["wall_offset"], begin, end),
            sightings=tuple(_sighting(event) for event in self._between(begin, end) if event.event in SIGHTINGS),
            operations=_of_trial(self.operations, number),
            beats=_sent_between(self.beats, begin, end),
            final_reads=read_rows(*final_reads, self.plan),
            host={name: value for name, value in noise.data.items() if value is not None} if noise else {},
            issues=tuple(_issues(own, trial=number)),
        )

    def _between(self, begin: float, end: float) -> list[Event]:
        return [event for event in self.events if begin < event.data.get("at", event.monotonic_seconds) <= end]

    def _log_events(self, wall_offset: float, begin: float, end: float) -> tuple[NodeLogEvent, ...]:
        found = [
            event
            for node, text in self.logs.items()
            for event in self.read_log(self.plan, node, text, wall_offset)
            if begin < event.at <= end
        ]
        return tuple(sorted(found, key=lambda event: event.at))


def _description(path: Path) -> RowDescription | None:
    return RowDescription.model_validate_json(path.read_text(encoding="utf-8")) if path.is_file() else None


def _of_trial(operations: Rows, number: int) -> Rows:
    mine = operations["trial"] == number
    return operations if mine.all() else operations[mine]


def _sent_between(beats: Rows, begin: float, end: float) -> Rows:
    inside = (beats["sent"] > begin) & (beats["sent"] <= end)
    return beats if inside.all() else beats[inside]


def _since(changes: Sequence[ViewChange], begin: float, end: float) -> tuple[ViewChange, ...]:
    """The changes in (begin, end], after the last one of each observer before: what it believed at the start."""
    before = {change.view.observer: change for change in changes if change.at <= begin}
    return (*before.values(), *(change for change in changes if begin < change.at <= end))


def _injections(events: Sequence[Event]) -> tuple[InjectionRecord, ...]:
    """The last record of each injection, in order of their numbers."""
    latest: dict[int, InjectionRecord] = {}
    for event in events:
        if event.event in INJECTIONS:
            record = InjectionRecord.model_validate(event.data)
            latest[record.number] = record
    return tuple(latest[number] for number in sorted(latest))


def _sighting(event: Event) -> Sighting:
    data = event.data
    at = data["at"]
    return Sighting(kind=SIGHTINGS[event.event], node=data["node"], after=data.get("after", at), at=at)


def _issues(events: Iterable[Event], trial: int | None) -> list[str]:
    """What was wrong with the trial (with the run as a whole, for None) and keeps it from answering."""
    own = [event for event in events if event.trial == trial]
    found: list[str] = [event.data["text"] for event in own if event.event == "trial_issue"]
    failed = [event.data for event in own if event.event == "injection_failed"]
    return found + [f"injection '{data['name']}' could not be made: {data['error']}" for data in failed]


def _undo_failures(events: Iterable[Event]) -> tuple[str, ...]:
    """What was never undone, once for each injection: a later try may have succeeded."""
    failed: dict[tuple[int | None, str], str] = {}
    for event in events:
        if event.event == "undo_failed":
            failed[event.trial, event.data["name"]] = _undo_failure(event)
        elif event.event == "injection_reverted":
            failed.pop((event.trial, event.data["name"]), None)
    return tuple(failed.values())


def _undo_failure(event: Event) -> str:
    data: dict[str, Any] = event.data
    nodes, by_hand = ", ".join(data.get("nodes", ())), data.get("by_hand", ())
    how = f"; by hand: {'; '.join([by_hand] if isinstance(by_hand, str) else by_hand)}" if by_hand else ""
    return f"'{data['name']}' on {nodes}: {data['error']}{how}"


def _phase_seconds(events: Iterable[Event]) -> dict[str, float]:
    """Seconds spent in each phase of the run, summed over its trials."""
    total: dict[str, float] = {}
    for event in events:
        if event.event == "phase_ended":
            phase = event.data["phase"]
            total[phase] = total.get(phase, 0.0) + event.data["seconds"]
    return total


def _first(events: Iterable[Event], name: str) -> Event | None:
    return next((event for event in events if event.event == name), None)
