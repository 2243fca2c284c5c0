"""The load of the toy store: an open schedule on the harness's own clock, in its own process.

The store answers as soon as it is asked, so every operation is complete when it is recorded.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from chaos import clock
from chaos.errors import ChaosError
from chaos.fake import store
from chaos.fake.store import Reply
from chaos.fake.world import Reach
from chaos.load.engine import Operation
from chaos.load.load import LoadOrder, LoadTotals
from chaos.load.progress import Progress
from chaos.load.recorder import Recorder
from chaos.load.schedule import OpenSchedule
from chaos.load.workload import Workload
from chaos.model.operation import ERROR_CODE, NOT_READ, NOWHERE, Client, Kind, LoadProgress, Outcome
from chaos.wire.stored import key_name, stored_sequence, stored_value

CLOSED_RATE = 100.0
"""Operations per second where the scenario asks for no rate."""
PROGRESS_SECONDS = 0.25
SPAWN_SECONDS = 0.1
ROUND_TRIP_SECONDS = 0.0005


class ToyLoad:
    """Implements Load. `failed` is told of an answer that no store should give: nothing can be measured then."""

    def __init__(self, progressed: Callable[[LoadProgress], None], failed: Callable[[ChaosError], None]) -> None:
        self._progressed, self._failed = progressed, failed
        self._traffic: _Traffic | None = None
        self._running: asyncio.Task[None] | None = None

    async def spawn(self) -> None:
        await asyncio.sleep(SPAWN_SECONDS)

    async def order(self, order: LoadOrder) -> None:
        self._traffic = _Traffic(order)

    async def begin(self) -> None:
        self._running = asyncio.create_task(self._run(self._ordered))

    async def trial(self, number: int) -> None:
        self._ordered.trial = number

    async def stop(self) -> LoadTotals:
        await self._end()
        traffic = self._ordered
        self._progressed(traffic.record())
        return LoadTotals(
            progress=traffic.record(),
            operations=traffic.recorder.rows[0],
            application_operations=0,
            redirected=traffic.redirected,
            keys=traffic.workload.keys,
            locust={},
            schedule_start=traffic.schedule.start,
            cpu_seconds=0.0,
        )

    async def kill(self) -> None:
        await self._end()

    @property
    def _ordered(self) -> _Traffic:
        if self._traffic is None:
            raise ChaosError("the load has no order")
        return self._traffic

    async def _run(self, traffic: _Traffic) -> None:
        try:
            await traffic.run(self._progressed)
        except Exception as error:  # a boundary: whatever ends the traffic is told, for half a load measures nothing
            self._failed(ChaosError(f"the load failed: {error or type(error).__name__}"))

    async def _end(self) -> None:
        if self._running:
            self._running.cancel()
            await asyncio.wait([self._running])
            self._running = None
        if self._traffic:
            self._traffic.close()


class _Traffic:
    """The operations of one order."""

    def __init__(self, order: LoadOrder) -> None:
        self._order, self.trial = order, 1
        self.redirected = 0
        self.workload = Workload(order.writes, order.keys, order.seed)
        self.schedule = OpenSchedule(clock.now(), order.rate or CLOSED_RATE)
        names = tuple(place.node for place in order.nodes)
        client = Client(name="strict", load=order.load, library="the toy store's own client")
        self.recorder = Recorder(Path(order.run_directory), names, (client,))
        self._progress = Progress(order.load)
        self._hosts = [place.reach_host for place in order.nodes]
        self._masters = {shard: shard - 1 for shard in order.shard_slots}
        """Shard → the index of the node that is asked first."""
        self._open = True

    async def run(self, progressed: Callable[[LoadProgress], None]) -> None:
        """Makes every operation when it is due, until cancelled; raises ChaosError for a value nobody wrote."""
        self.schedule = OpenSchedule(clock.now(), self._order.rate or CLOSED_RATE)
        number, tell_at = 0, clock.now() + PROGRESS_SECONDS
        while True:
            intended = self.schedule.intended(number)
            await asyncio.sleep(max(0.0, intended - clock.now()))
            self._operate(intended)
            number += 1
            if clock.now() >= tell_at:
                tell_at += PROGRESS_SECONDS
                self.recorder.flush()
                progressed(self.record())

    def record(self) -> LoadProgress:
        return self._progress.record(0, self._order.users)

    def close(self) -> None:
        """Completes the file; harmless when repeated."""
        if self._open:
            self._open = False
            self.recorder.close()

    def _operate(self, intended: float) -> None:
        kind, number, sequence = self.workload.next()
        key = key_name(number)
        shard = store.shard_of(key, len(self._masters))
        operation = Operation(kind, number, sequence, self.trial, 0, b"", intended, done=lambda _: None)
        operation.sent = clock.now()
        reply = self._ask(shard, kind, key, sequence)
        operation.node = self._masters[shard] if reply.reach is Reach.ANSWERS else NOWHERE
        operation.outcome, error, seconds = _outcome(reply, self._order.timeout)
        operation.error, operation.completed = ERROR_CODE[error], operation.sent + seconds
        self._progress.add(operation)
        self._record(operation, shard, self._read_sequence(operation, reply))
        if reply.reach is not Reach.ANSWERS:
            self._masters[shard] = (self._masters[shard] + len(self._masters)) % len(self._hosts)

    def _ask(self, shard: int, kind: Kind, key: bytes, sequence: int) -> Reply:
        """The answer of the node that is believed to be the master, or of the one that it names in its place."""
        reply = self._ask_node(self._masters[shard], kind, key, sequence)
        if reply.moved_to:
            self.redirected += 1
            self._masters[shard] = self._hosts.index(reply.moved_to)
            reply = self._ask_node(self._masters[shard], kind, key, sequence)
        return reply

    def _ask_node(self, node: int, kind: Kind, key: bytes, sequence: int) -> Reply:
        if kind is Kind.READ:
            return store.read(self._hosts[node], key)
        order = self._order
        return store.write(self._hosts[node], key, stored_value(sequence, order.value_tag.encode(), order.value_size))

    def _read_sequence(self, operation: Operation, reply: Reply) -> int:
        if operation.kind is Kind.WRITE or not reply.ok:
            return NOT_READ
        found = stored_sequence(reply.value, self._order.value_tag.encode())
        if found is None:
            raise ChaosError(f"key {operation.key} holds {reply.value!r}, which nobody wrote")
        return found

    def _record(self, operation: Operation, shard: int, read_sequence: int) -> None:
        self.recorder.add(
            intended=operation.intended,
            sent=operation.sent,
            completed=operation.completed,
            key=operation.key,
            write_sequence=operation.sequence,
            read_sequence=read_sequence,
            client=0,
            trial=operation.trial,
            shard=shard,
            node=operation.node,
            kind=operation.kind,
            outcome=operation.outcome,
            error=operation.error,
        )


def _outcome(reply: Reply, timeout_seconds: float) -> tuple[Outcome, str, float]:
    """Outcome, error class, and how many seconds it took to know."""
    if reply.reach is Reach.REFUSES:
        return Outcome.FAILED, "connection refused", ROUND_TRIP_SECONDS
    if reply.reach is not Reach.ANSWERS:
        return Outcome.UNKNOWN, "timeout", timeout_seconds
    return (Outcome.FAILED if reply.error else Outcome.OK), reply.error, ROUND_TRIP_SECONDS
