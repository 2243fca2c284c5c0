"""The observer of the toy store: beats and views on the harness's own clock, in its own process."""

from __future__ import annotations

import asyncio
import math
from pathlib import Path

from chaos import clock
from chaos.archive.run_directory import RunDirectory
from chaos.archive.views import to_line
from chaos.child import Failed
from chaos.errors import ChaosError
from chaos.fake import store
from chaos.fake.store import Reply
from chaos.fake.world import WORLD, Reach
from chaos.model.operation import BEAT_FIELDS, ERROR_CODE, Outcome, RowDescription, row_struct
from chaos.model.view import View, ViewChange
from chaos.observe.observer import ObservedNode, ObserverOrder, ObserverTotals, Sighted
from chaos.observe.viewer import Teller

LOOK_SECONDS = 0.02
"""The period of the beats and of the looks at views."""
SPAWN_SECONDS = 0.1
READY_SECONDS = 15.0
ROUND_TRIP_SECONDS = 0.0005


class ToyObserver:
    """Implements Observer."""

    def __init__(self, sighted: Sighted, failed: Failed) -> None:
        self._sighted, self._failed = sighted, failed
        self._watch: _Watch | None = None
        self._running: asyncio.Task[None] | None = None

    async def spawn(self) -> None:
        await asyncio.sleep(SPAWN_SECONDS)

    async def start(self, order: ObserverOrder) -> None:
        watch = self._watch = _Watch(order, self._sighted)
        self._running = asyncio.create_task(self._run(watch))
        try:
            async with asyncio.timeout(READY_SECONDS):
                await watch.ready.wait()
        except TimeoutError as error:
            raise ChaosError(f"not every shard acknowledged a beat within {READY_SECONDS:g} s") from error

    def watch(self, node: str, pid: int | None) -> None:
        if self._watch:
            self._watch.pids[node] = pid

    async def look(self) -> None:
        if self._watch:
            self._watch.look(clock.now())

    async def stop(self) -> ObserverTotals:
        if self._watch is None:
            raise ChaosError("the observer has no order")
        await self.end()
        return self._watch.totals()

    async def end(self) -> None:
        if self._running:
            self._running.cancel()
            await asyncio.wait([self._running])
            self._running = None
        if self._watch:
            self._watch.close()

    async def _run(self, watch: _Watch) -> None:
        try:
            while True:
                watch.look(clock.now())
                await asyncio.sleep(LOOK_SECONDS)
        except Exception as error:  # a boundary: whatever ends the watching is told, for half a watch measures nothing
            self._failed(ChaosError(f"the observer failed: {error or type(error).__name__}"))


class _Watch:
    """What one order makes it watch."""

    def __init__(self, order: ObserverOrder, sighted: Sighted) -> None:
        self._nodes, self._sighted = order.nodes, sighted
        directory = RunDirectory(Path(order.run_directory))
        names = tuple(node.name for node in order.nodes)
        description = RowDescription(fields=BEAT_FIELDS, nodes=names)
        directory.beats_description.write_text(description.model_dump_json(indent=1), encoding="utf-8")
        self._beats_file = directory.beats.open("wb")
        self._views_file = directory.views.open("w", encoding="utf-8")
        hosts = [node.reach_host for node in order.nodes]
        self._canaries = [
            Canary(shard, key.encode(), hosts, len(order.shard_slots), names, sighted)
            for shard, key in order.canary_keys.items()
        ]
        self._teller = Teller(order.shard_slots, sighted)
        self._views: dict[str, View] = {}
        self._refusing: frozenset[int] = frozenset()
        self._began = self._looked_at = clock.now()
        self._looks = self._changes = 0
        self.pids = {node.name: node.pid for node in order.nodes}
        self.ready = asyncio.Event()

    def look(self, now: float) -> None:
        """One beat to every shard, one look at every node."""
        for canary in self._canaries:
            self._beats_file.write(canary.beat(now))
        changes = self._changes
        for node in self._nodes:
            self._look_at_process(node, now)
            self._look_at_view(node, now)
        refusing = frozenset(canary.shard for canary in self._canaries if canary.refusing)
        if self._changes > changes or refusing != self._refusing:
            self._refusing = refusing
            self._teller.tell(list(self._views.values()), now, refusing)
        if not refusing and len(self._views) == len(self._nodes):
            self.ready.set()
        self._looks, self._looked_at = self._looks + 1, now

    def close(self) -> None:
        """Completes the files; harmless when repeated."""
        self._beats_file.close()
        self._views_file.close()

    def totals(self) -> ObserverTotals:
        return ObserverTotals(
            beats=self._looks * len(self._canaries),
            polls=self._looks * len(self._nodes),
            views=self._changes,
            seconds=clock.now() - self._began,
            processor_seconds=0.0,
            lateness_p99_seconds=0.0,
            lateness_max_seconds=0.0,
        )

    def _look_at_process(self, node: ObservedNode, now: float) -> None:
        machine, pid = WORLD.machines.get(node.reach_host), self.pids[node.name]
        if pid is not None and (machine is None or machine.pid != pid):
            self.pids[node.name] = None
            self._sighted("process_ended", {"node": node.name, "pid": pid, "after": self._looked_at, "at": now})

    def _look_at_view(self, node: ObservedNode, now: float) -> None:
        view = store.look(node.reach_host) or View(node.name, reachable=False)
        if view != self._views.get(node.name):
            self._views[node.name] = view
            self._views_file.write(to_line(0, ViewChange(after=self._looked_at, at=now, view=view)))
            self._changes += 1


class Canary:
    """Beats one shard: a write to its master, and to the others while that one refuses."""

    def __init__(
        self, shard: int, key: bytes, hosts: list[str], shards: int, names: tuple[str, ...], sighted: Sighted
    ) -> None:
        self.shard, self.refusing = shard, True
        self._key, self._hosts, self._names, self._sighted = key, hosts, names, sighted
        self._members = [index for index in range(len(hosts)) if index % shards == shard - 1]
        self._master = self._members[0]
        self._answered_at: dict[int, float] = {}
        """Node → when it was last sent a beat that it answered, unless its silence has been told of."""
        self._refused_at: float | None = None

    def beat(self, now: float) -> bytes:
        """Sends one beat; returns its rows."""
        rows = self._row(self._master, now)
        if self.refusing:
            rows += b"".join(self._row(node, now) for node in self._members if node != self._master)
        return rows

    def _row(self, node: int, now: float) -> bytes:
        reply = store.write(self._hosts[node], self._key, b"beat")
        outcome, error = _outcome(reply)
        answered = reply.reach is Reach.ANSWERS
        completed = now + ROUND_TRIP_SECONDS if answered else math.nan
        if answered:
            self._answered_at[node] = now
        elif node in self._answered_at:
            silent = {"node": self._names[node], "after": self._answered_at.pop(node), "at": now}
            self._sighted("silence_began", silent)
        if reply.ok:
            self._accept(node, completed)
        elif node == self._master:
            self._refuse(now)
        return row_struct(BEAT_FIELDS).pack(now, completed, 0.0, self.shard, node, outcome, ERROR_CODE[error])

    def _refuse(self, now: float) -> None:
        if not self.refusing:
            self.refusing, self._refused_at = True, now
            self._sighted("shard_unavailable", {"shard": self.shard, "at": now})

    def _accept(self, node: int, now: float) -> None:
        if self._refused_at is not None:
            seconds = now - self._refused_at
            found = {"shard": self.shard, "node": self._names[node], "at": now, "seconds": seconds}
            self._sighted("shard_available", found)
        self._master, self.refusing, self._refused_at = node, False, None


def _outcome(reply: Reply) -> tuple[Outcome, str]:
    if reply.reach is Reach.REFUSES:
        return Outcome.NOT_SENT, "connection refused"
    if reply.reach is not Reach.ANSWERS:
        return Outcome.UNKNOWN, "timeout"
    return (Outcome.FAILED if reply.error else Outcome.OK), reply.error
