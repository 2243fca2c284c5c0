"""Evidence: all that a check may see, gathered from a run directory and never changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from chaos.model.injection import InjectionRecord
from chaos.model.operation import Client
from chaos.model.plan import RunPlan
from chaos.model.view import ViewChange

if TYPE_CHECKING:
    import numpy

    Rows = numpy.ndarray[Any, numpy.dtype[Any]]
else:
    Rows = Any


@dataclass(frozen=True, slots=True)
class NodeLogEvent:
    """Something a node's own log says, with the window in which it happened (monotonic seconds)."""

    node: str
    after: float
    at: float
    kind: str
    """agreed, election started, election won, election failed, full resync, partial resync, link up, started …"""
    subject: str | None
    """The node it is about, by our name; None where the log does not say."""
    text: str


@dataclass(frozen=True, slots=True)
class Sighting:
    """Something the observer saw happen to a node in (after, at], monotonic seconds."""

    kind: str
    """`process ended`, `silence began`."""
    node: str
    after: float
    at: float


@dataclass(frozen=True, slots=True)
class TrialEvidence:
    """One trial's observations; every time is in monotonic seconds, `t0` the end of the warm-up.

    The `node` of a row is an index into the plan's nodes.
    """

    number: int
    seed: int
    t0: float
    t_end: float
    """When the load stopped and the beats ended: after healing and settling."""
    timeline_end: float
    """The end of `duration`, when everything outstanding is reverted."""
    wall_offset: float
    injections: tuple[InjectionRecord, ...]
    view_changes: tuple[ViewChange, ...]
    log_events: tuple[NodeLogEvent, ...]
    sightings: tuple[Sighting, ...]
    operations: Rows
    beats: Rows
    final_reads: Rows
    host: Mapping[str, float] = field(default_factory=dict)
    """Noise of the host during the trial: pressure, steal, load."""
    issues: tuple[str, ...] = ()
    """What went wrong with the trial itself, if anything: reasons for inconclusive."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One run's evidence."""

    plan: RunPlan
    scenario: Mapping[str, Any]
    """The scenario after defaults, plain values, durations in seconds."""
    clients: tuple[Client, ...]
    trials: tuple[TrialEvidence, ...]
    undo_failures: tuple[str, ...] = ()
    phase_seconds: Mapping[str, float] = field(default_factory=dict)
    server_version: str | None = None
    tool_version: str = ""
    started_at: str = ""
    ended_at: str = ""
    """Wall times, ISO 8601."""
    duration_seconds: float = 0.0
    observer: Mapping[str, float] = field(default_factory=dict)
    """What watching took: seconds, processor_seconds, lateness_p99_seconds …"""
    issues: tuple[str, ...] = ()
    """What kept the run from having a trial at all: reasons for inconclusive."""
