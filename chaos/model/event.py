"""Events: everything that happens in a run, one after another."""

from __future__ import annotations

from typing import Any

from chaos.model.record import Record


class Event(Record):
    """One thing that happened; `seq` counts from 1, times are monotonic and wall seconds."""

    seq: int
    monotonic_seconds: float
    wall: str
    source: str
    """Who saw it: harness, observer, load, or a node's name."""
    event: str
    trial: int | None = None
    data: dict[str, Any] = {}


EVENTS = {
    "run_started": "run_id, scenario, driver, driver_reason, engine, server, seed, reach, metrics: the first line",
    "phase_started": "phase: build, form, warmup, timeline, settle, final_reads, teardown, judge, report",
    "phase_ended": "phase, seconds",
    "node_started": "node, address, pid",
    "node_stopped": "node",
    "roles": "roles {node: role}, slots_served: whenever one of them changes",
    "steady": "the steady state was verified",
    "trial_started": "t0 (monotonic seconds), wall_offset, phase_sampled",
    "timeline_ended": "at (monotonic seconds): the end of `duration`, when everything outstanding is reverted",
    "trial_ended": "t_end (monotonic seconds)",
    "injection_issued": "name, fault, nodes, mechanism",
    "injection_effective": "name, nodes, at (monotonic seconds), after",
    "injection_effect": "name, effect (confirmed, mismatch, inconclusive), detail",
    "injection_reverting": "name, nodes",
    "injection_reverted": "name, nodes, at",
    "injection_recorded": "a whole InjectionRecord: at each step of an injection; the last of a number holds",
    "injection_ended": "a whole InjectionRecord: nothing more will happen to it",
    "injection_failed": "name, nodes, error: the fault could not be injected",
    "undo_failed": "name, nodes, error, by_hand",
    "process_ended": "node, pid, at: a server process was seen to end",
    "silence_began": "node, after, at: an open connection stopped answering",
    "shard_unavailable": "shard, at: the first beat without an acknowledgement",
    "shard_available": "shard, node, at, seconds: the first acknowledgement after that",
    "member_suspected": "node, by, at: one node's view was first seen to doubt another",
    "member_failed": "node, by, at: … and to call it failed",
    "promoted": "node, shard, at",
    "load_progress": "a whole LoadProgress: what one load has done since it began",
    "settled": "converged, redundant (seconds waited), reason",
    "server_version": "version: as a live node states it",
    "host_noise": "name: value, for each figure of the host during the trial",
    "observer_stopped": "beats, polls, views, seconds, processor_seconds, lateness (p99, max): what watching took",
    "failover_measured": "shard, phases {phase: seconds since its injection took effect}: one judged failover",
    "data_measured": "acknowledged, lost: the writes of the strict clients in one trial, judged",
    "trial_issue": "text: why the trial (or the run, without a trial) cannot answer",
    "warning": "text",
    "expectation_judged": "check, scope, verdict, measured, bound",
    "run_ended": "verdict, reason",
}
"""The names of all events with what their data holds."""
