"""A whole run as a list of events, for the tests of sinks: the master of shard 3 is killed and replaced."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from chaos import clock
from chaos.model.event import Event
from chaos.model.operation import LATENCY_BUCKETS_SECONDS
from chaos.model.plan import NodePlan, Place, PlannedInjection, RunPlan, ServerIdentity, Site

NODES = tuple(f"redis-{number}" for number in range(1, 7))
BEFORE = dict.fromkeys(NODES[:3], "master") | dict.fromkeys(NODES[3:], "replica")
AFTER = BEFORE | {"redis-3": "replica", "redis-6": "master"}


def progress(seconds: float, failed: int = 0) -> dict[str, Any]:
    """What a load of 2,000 operations a second has done after some seconds."""
    half = int(seconds * 1000)
    return {
        "load": "load",
        "requests": {"read ok": half, "write ok": half - failed, "write failed": failed},
        "errors": {"connection refused": failed} if failed else {},
        "acknowledged_writes": half - failed,
        "duration_buckets": (2 * half - failed,) + (0,) * len(LATENCY_BUCKETS_SECONDS),
        "duration_sum_seconds": half / 5000,
    }


STORY: tuple[tuple[float, str, str, dict[str, Any]], ...] = (
    (
        0.0,
        "harness",
        "run_started",
        {
            "run_id": "20260101-120000-master-kill",
            "scenario": "master-kill",
            "driver": "docker",
            "driver_reason": "an engine answers",
            "engine": "Docker 20.10.24",
            "server": "redis:7.2-alpine, server 7.2.4",
            "metrics": "http://127.0.0.1:9475/metrics",
        },
    ),
    (0.1, "harness", "phase_started", {"phase": "build"}),
    *((1.0, "harness", "node_started", {"node": node, "address": "198.18.5.11:6379", "pid": 4711}) for node in NODES),
    (1.1, "harness", "phase_ended", {"phase": "build", "seconds": 1.0}),
    (1.2, "harness", "roles", {"roles": BEFORE, "slots_served": 16384}),
    (2.0, "harness", "phase_started", {"phase": "warmup"}),
    (2.1, "harness", "server_version", {"version": "7.2.5"}),
    (4.0, "load", "load_progress", progress(2.0)),
    (6.9, "harness", "steady", {}),
    (7.0, "harness", "phase_ended", {"phase": "warmup", "seconds": 5.0}),
    (7.0, "harness", "trial_started", {"t0": 7.0, "wall_offset": 0.0, "phase_sampled": False}),
    (7.0, "harness", "phase_started", {"phase": "timeline"}),
    (
        17.0,
        "harness",
        "injection_issued",
        {"name": "death", "fault": "kill", "nodes": ["redis-3"], "mechanism": "SIGKILL"},
    ),
    (17.02, "observer", "process_ended", {"node": "redis-3", "pid": 4711, "after": 17.01, "at": 17.02}),
    (17.03, "observer", "shard_unavailable", {"shard": 3, "at": 17.01}),
    (17.1, "harness", "injection_effective", {"name": "death", "nodes": ["redis-3"], "after": 17.0, "at": 17.02}),
    (17.2, "harness", "injection_effect", {"name": "death", "effect": "confirmed", "detail": "refuses the connection"}),
    (20.0, "load", "load_progress", progress(18.0, failed=1000)),
    (22.5, "observer", "member_suspected", {"node": "redis-3", "by": "redis-1", "after": 22.48, "at": 22.5}),
    (22.6, "observer", "member_suspected", {"node": "redis-3", "by": "redis-2", "after": 22.58, "at": 22.6}),
    (22.9, "observer", "member_failed", {"node": "redis-3", "by": "redis-1", "after": 22.88, "at": 22.9}),
    (23.6, "observer", "promoted", {"node": "redis-6", "shard": 3, "after": 23.58, "at": 23.6}),
    (23.61, "observer", "shard_available", {"shard": 3, "node": "redis-6", "at": 23.61, "seconds": 6.6}),
    (23.7, "observer", "roles", {"roles": AFTER, "slots_served": 16384}),
    (24.0, "load", "load_progress", progress(22.0, failed=1000)),
    (37.0, "harness", "injection_reverting", {"name": "death", "nodes": ["redis-3"]}),
    (37.5, "harness", "node_started", {"node": "redis-3", "address": "198.18.5.13:6379", "pid": 4712}),
    (37.6, "harness", "injection_reverted", {"name": "death", "nodes": ["redis-3"], "at": 37.5}),
    (52.0, "harness", "timeline_ended", {"at": 52.0}),
    (52.0, "harness", "phase_ended", {"phase": "timeline", "seconds": 45.0}),
    (53.0, "harness", "settled", {"converged": 0.4, "redundant": 0.9, "reason": ""}),
    (54.0, "harness", "trial_ended", {"t_end": 54.0}),
    (
        55.0,
        "harness",
        "failover_measured",
        {"shard": 3, "phases": {"suspected": 5.5, "agreed": 5.9, "serving": 6.6, "elected": None}},
    ),
    (55.0, "harness", "data_measured", {"acknowledged": 52000, "lost": 2}),
    (
        55.0,
        "harness",
        "expectation_judged",
        {"check": "recovery_time", "scope": "trial", "verdict": "pass", "measured": 6.6, "bound": "<= 12s"},
    ),
    (
        55.0,
        "harness",
        "expectation_judged",
        {"check": "lost_writes", "scope": "trial", "verdict": "fail", "measured": 2.0, "bound": "0"},
    ),
    (56.0, "harness", "run_ended", {"verdict": "fail", "reason": "2 acknowledged writes were lost"}),
)


def event(at: float, name: str, data: dict[str, Any], seq: int = 1, source: str = "harness") -> Event:
    """One event; `at` seconds after the run began, which is monotonic second 1000."""
    return Event(
        seq=seq,
        monotonic_seconds=1000.0 + at,
        wall=clock.utc(1767268800.0 + at),
        source=source,
        event=name,
        trial=1,
        data={key: value + 1000.0 if key in ("at", "after", "t0", "t_end") else value for key, value in data.items()},
    )


Story = Callable[..., list[Event]]


@pytest.fixture
def story() -> Story:
    """The run's events up to an instant, in seconds after it began."""

    def events(until: float = 100.0) -> list[Event]:
        numbered = enumerate(STORY, 1)
        return [event(at, name, data, seq, source) for seq, (at, source, name, data) in numbered if at <= until]

    return events


@pytest.fixture
def plan() -> RunPlan:
    """The plan of that run, as far as sinks look at it."""
    places = [
        Place(node=node, host="198.18.5.11", port=6379, reach_host="198.18.5.11", reach_port=6379) for node in NODES
    ]
    return RunPlan(
        run_id="20260101-120000-master-kill",
        scenario="master-kill",
        system="redis-cluster",
        driver="docker",
        engine="Docker 20.10.24",
        server=ServerIdentity(asked="redis:7.2-alpine", used="redis:7.2-alpine", id="sha256:0", version="7.2.4"),
        seed=1,
        site=Site(network=None, places=tuple(places), reach="addresses"),
        nodes=tuple(
            NodePlan(
                name=place.node,
                service="redis",
                role=BEFORE[place.node],
                shard=index % 3 + 1,
                member_id=f"{index:040x}",
                place=place,
                command=("redis-server",),
            )
            for index, place in enumerate(places)
        ),
        shard_slots={1: ((0, 5460),), 2: ((5461, 10922),), 3: ((10923, 16383),)},
        settings=(),
        timeline=(PlannedInjection(name="death", fault="kill", target="master of shard 3", at=10.0, until=30.0),),
        defaults={"warmup": 5.0, "duration": 45.0},
    )
