"""Synthetic evidence: a three-shard cluster to which anything can be made to have happened.

Times are seconds since t = 0 (T0 on the monotonic clock). The beats come every 10 ms here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy

from chaos.model.evidence import Evidence, NodeLogEvent, Sighting, TrialEvidence
from chaos.model.injection import CONFIRMED, InjectionRecord
from chaos.model.operation import (
    BEAT_FIELDS,
    ERROR_CODE,
    FINAL_READ_FIELDS,
    NOT_READ,
    NOWHERE,
    OPERATION_FIELDS,
    Client,
    Kind,
    Outcome,
)
from chaos.model.plan import NodePlan, Place, PlannedInjection, RunPlan, ServerIdentity, Setting, Site
from chaos.model.view import HEALTHY, MASTER, REPLICA, Member, View, ViewChange
from chaos.scenario.bounds import Unit, parse_bound
from chaos.scenario.language import ExpectEntry, Scope
from chaos.wire.slots import share_out

T0 = 1000.0
END = 40.0
BEAT = 0.01
NODES = tuple(f"redis-{number}" for number in range(1, 7))
SLOTS = share_out(3)
MASTERS = {1: "redis-1", 2: "redis-2", 3: "redis-3"}
REPLICAS = {1: "redis-4", 2: "redis-5", 3: "redis-6"}
STRICT = Client(name="strict", library="raw RESP")
ORDINARY = Client(name="redis-py", library="redis-py 5", application_like=True)

OPERATION = numpy.dtype(list(OPERATION_FIELDS))
BEAT_ROW = numpy.dtype(list(BEAT_FIELDS))
FINAL_READ = numpy.dtype(list(FINAL_READ_FIELDS))


def plan(**changes: Any) -> RunPlan:
    """The plan of the guide's cluster: masters redis-1 … 3, replicas redis-4 … 6."""
    nodes = tuple(
        NodePlan(
            name=name,
            service="redis",
            role=MASTER if number < 3 else REPLICA,
            shard=number % 3 + 1,
            member_id=f"id-{name}",
            place=place(name),
            command=("redis-server",),
        )
        for number, name in enumerate(NODES)
    )
    fields: dict[str, Any] = {
        "run_id": "20261123-120000-master-kill",
        "scenario": "master-kill",
        "system": "redis-cluster",
        "driver": "docker",
        "engine": "Docker 20.10",
        "server": ServerIdentity(asked="redis:7.2-alpine", used="redis:7.2-alpine", id="sha256:abc", version="7.2.4"),
        "seed": 7,
        "site": Site(network=None, places=tuple(node.place for node in nodes), reach="addresses"),
        "nodes": nodes,
        "shard_slots": SLOTS,
        "settings": (Setting(name="repl-diskless-sync-delay", value="0", origin="forming", reason="forms faster"),),
        "timeline": (PlannedInjection(name="death", fault="kill", target="master of shard 3", at=10, until=30),),
    }
    return RunPlan(**(fields | changes))


def place(node: str) -> Place:
    host = f"198.18.5.{10 + NODES.index(node) + 1}"
    return Place(node=node, host=host, port=6379, bus_port=16379, reach_host=host, reach_port=6379)


def view(
    observer: str,
    masters: Mapping[int, str] = MASTERS,
    *,
    epochs: Mapping[int, int] | None = None,
    health: Mapping[str, str] | None = None,
    odd: Mapping[str, tuple[str, ...]] | None = None,
    moved: Mapping[str, str] | None = None,
    state: str = "ok",
    link: str | None = "up",
) -> View:
    """What `observer` believes: who is master of each shard, the others follow; `moved` gives false addresses."""
    epochs, health, odd, moved = epochs or {}, health or {}, odd or {}, moved or {}
    members = []
    for number, name in enumerate(NODES):
        shard = number % 3 + 1
        is_master = masters[shard] == name
        address = f"{place(name).host}:6379"
        members.append(
            Member(
                id=f"id-{name}",
                node=name,
                address=moved.get(name, address),
                role=MASTER if is_master else REPLICA,
                health=health.get(name, HEALTHY),
                follows=None if is_master else f"id-{masters[shard]}",
                slots=SLOTS[shard] if is_master else (),
                epoch=epochs.get(shard, shard),
                odd_flags=odd.get(name, ()),
            )
        )
    own_link = None if observer in masters.values() else link
    return View(observer=observer, members=tuple(members), state=state, link=own_link)


def unreachable(observer: str) -> View:
    return View(observer=observer, reachable=False)


@dataclass
class Story:
    """One trial being made up; every time is in seconds since t = 0."""

    number: int = 1
    end: float = END
    changes: list[ViewChange] = field(default_factory=list)
    injections: list[InjectionRecord] = field(default_factory=list)
    log_events: list[NodeLogEvent] = field(default_factory=list)
    sightings: list[Sighting] = field(default_factory=list)
    operations: list[tuple[Any, ...]] = field(default_factory=list)
    beats: list[tuple[Any, ...]] = field(default_factory=list)
    finals: list[tuple[int, int, int]] = field(default_factory=list)
    host: dict[str, float] = field(default_factory=dict)
    issues: list[str] = field(default_factory=list)

    def healthy(self) -> Story:
        """All six nodes agree from before t = 0."""
        return self.seen(-4, *(view(node) for node in NODES))

    def seen(self, at: float, *views: View, poll: float = 0.02) -> Story:
        """Views first seen at `at`; the poll before, `poll` seconds earlier, still saw what was before."""
        self.changes += [ViewChange(T0 + at - poll, T0 + at, one) for one in views]
        return self

    def inject(
        self,
        name: str = "death",
        nodes: Sequence[str] = ("redis-3",),
        *,
        issued: float = 10.0,
        confirmed: float | None = 10.1,
        reverted: float | None = 30.0,
        effect: str = CONFIRMED,
        fault: str = "kill",
        master_of: Mapping[int, str] | None = None,
    ) -> Story:
        masters = {shard: node for shard, node in MASTERS.items() if node in nodes}
        self.injections.append(
            InjectionRecord(
                name=name,
                number=len(self.injections) + 1,
                trial=self.number,
                fault=fault,
                mechanism="SIGKILL",
                target="master of shard 3",
                nodes=tuple(nodes),
                planned_at=T0 + issued,
                issued_at=T0 + issued,
                confirmed_at=None if confirmed is None else T0 + confirmed,
                reverting_at=None if reverted is None else T0 + reverted - 0.1,
                reverted_at=None if reverted is None else T0 + reverted,
                effect=effect,
                master_of=dict(masters if master_of is None else master_of),
            )
        )
        return self

    def ended(self, node: str, after: float, at: float) -> Story:
        self.sightings.append(Sighting("process ended", node, T0 + after, T0 + at))
        return self

    def logged(self, node: str, at: float, kind: str, subject: str | None = None) -> Story:
        self.log_events.append(NodeLogEvent(node, T0 + at, T0 + at + 0.001, kind, subject, kind))
        return self

    def beat(
        self, shard: int, at: float, node: str, error: str = "", took: float = 0.0005, lateness: float = 0.0
    ) -> Story:
        """One beat at `at`; an error of the server is a refusal, any other error has no answer."""
        answered = not error or error.isupper()
        outcome = Outcome.OK if not error else Outcome.FAILED if answered else Outcome.UNKNOWN
        completed = T0 + at + took if answered else numpy.nan
        self.beats.append((T0 + at, completed, lateness, shard, NODES.index(node), outcome, ERROR_CODE[error]))
        return self

    def beating(
        self, down: Mapping[int, tuple[float, float]] | None = None, heir: Mapping[int, str] | None = None
    ) -> Story:
        """Every shard beaten all the time; a shard in `down` is silent between two instants, then its heir answers."""
        down, heir = down or {}, heir or {}
        for step in range(int(-4 / BEAT), int(self.end / BEAT)):
            at = step * BEAT
            for shard, master in MASTERS.items():
                first, last = down.get(shard, (numpy.inf, numpy.inf))
                if first <= at < last:
                    self.beat(shard, at, master, "timeout")
                    if shard in heir:
                        self.beat(shard, at, heir[shard], "MOVED")
                else:
                    self.beat(shard, at, heir.get(shard, master) if at >= last else master)
        return self

    def operation(
        self,
        at: float,
        *,
        key: int = 0,
        write: int = 0,
        read: int = NOT_READ,
        took: float | None = 0.001,
        outcome: Outcome = Outcome.OK,
        error: str = "",
        shard: int = 1,
        node: str | None = None,
        client: int = 0,
        intended: float | None = None,
    ) -> Story:
        """One operation sent at `at`; a write if it has a write sequence."""
        self.operations.append(
            (
                T0 + (at if intended is None else intended),
                numpy.nan if outcome == Outcome.NOT_SENT else T0 + at,
                numpy.nan if took is None else T0 + at + took,
                key,
                write,
                read,
                client,
                self.number,
                shard,
                NOWHERE if node is None else NODES.index(node),
                Kind.WRITE if write else Kind.READ,
                outcome,
                ERROR_CODE[error],
            )
        )
        return self

    def final(self, key: int, sequence: int) -> Story:
        self.finals.append((key, sequence, 0))
        return self

    def trial(self) -> TrialEvidence:
        return TrialEvidence(
            number=self.number,
            seed=7,
            t0=T0,
            t_end=T0 + self.end,
            timeline_end=T0 + min(35.0, self.end),
            wall_offset=0.0,
            injections=tuple(self.injections),
            view_changes=tuple(sorted(self.changes, key=lambda change: change.at)),
            log_events=tuple(sorted(self.log_events, key=lambda event: event.at)),
            sightings=tuple(self.sightings),
            operations=numpy.array(self.operations, dtype=OPERATION),
            beats=numpy.array(self.beats, dtype=BEAT_ROW),
            final_reads=numpy.array(self.finals, dtype=FINAL_READ),
            host=self.host,
            issues=tuple(self.issues),
        )

    def evidence(self, *expectations: ExpectEntry, **changes: Any) -> Evidence:
        return evidence_of([self.trial()], expectations, **changes)


def evidence_of(trials: Iterable[TrialEvidence], expectations: Iterable[ExpectEntry] = (), **changes: Any) -> Evidence:
    """A run's evidence of these trials."""
    fields: dict[str, Any] = {
        "plan": plan(),
        "scenario": {
            "name": "master-kill",
            "description": "The master of shard 3 is killed.",
            "load": {"name": "load", "rate": 100.0, "timeout": 0.5},
            "expect": [entry.model_dump(mode="json") for entry in expectations],
        },
        "clients": (STRICT, ORDINARY),
        "trials": tuple(trials),
        "phase_seconds": {"build": 1.0, "form": 0.5, "warmup": 5.0, "timeline": 35.0, "settle": 1.5, "teardown": 0.7},
        "server_version": "7.2.4",
        "tool_version": "0.1.0",
        "started_at": "2026-11-23T12:00:00.000+00:00",
        "ended_at": "2026-11-23T12:00:44.000+00:00",
        "duration_seconds": 44.0,
    }
    return Evidence(**(fields | changes))


def expect(check: str, bound: str, unit: Unit, scope: str = "trial", name: str | None = None) -> ExpectEntry:
    """One expectation as the scenario's reader makes it."""
    return ExpectEntry(
        check=check, scope=Scope(kind=scope, name=name), bound=parse_bound(bound, [unit], allow_yes=True)
    )


HEIRS = MASTERS | {3: "redis-6"}
RAISED = {3: 7}


def failover(story: Story | None = None) -> Story:
    """The master of shard 3 dies at 10.004 s and redis-6 takes over; it is back as a replica at 31.2 s.

    suspected 15.2, agreed 16.0, elected 16.7, promoted 16.7, serving 16.71, an ordinary client
    17.1, converged 30.5, redundant 31.2 seconds after t = 0.
    """
    story = (story or Story()).healthy().inject()
    alive = [node for node in NODES if node != "redis-3"]
    story.ended("redis-3", 10.003, 10.005).seen(10.02, unreachable("redis-3"))
    story.seen(15.2, view("redis-1", health={"redis-3": "suspected"}))
    story.logged("redis-2", 16.0, "agreed", "redis-3")
    story.seen(16.01, *(view(node, health={"redis-3": "failed"}, state="fail") for node in alive))
    story.logged("redis-6", 16.69, "election started").logged("redis-6", 16.7, "election won")
    failed = {"redis-3": "failed"}
    story.seen(16.705, view("redis-6", HEIRS, epochs=RAISED, health=failed))
    story.seen(16.73, *(view(node, HEIRS, epochs=RAISED, health=failed) for node in alive if node != "redis-6"))
    story.seen(30.5, *(view(node, HEIRS, epochs=RAISED) for node in alive))
    story.seen(30.5, view("redis-3", HEIRS, epochs=RAISED, link="down"))
    story.seen(31.2, view("redis-3", HEIRS, epochs=RAISED))
    story.beating(down={3: (10.004, 16.705)}, heir={3: "redis-6"})
    for sent, took in ((9.0, 0.001), (9.5, 0.001), (10.0, 7.1), (17.2, 0.001)):
        story.operation(sent, key=99, write=NOT_READ, took=took, shard=3, client=1)
    return story
