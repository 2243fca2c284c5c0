"""The injector: what happens around every fault, whichever it is. Written once.

Resolve the target on the live cluster, look, write the ledger, inject, verify the effect; later
revert. What a fault does to one node stands in the fault.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from chaos import clock
from chaos.cluster import Cluster
from chaos.drivers.driver import mechanism
from chaos.errors import ChaosError
from chaos.faults.fault import FAULTS, Effect, Fault
from chaos.model.injection import CONFIRMED, MISMATCH, InjectionRecord, LedgerEntry
from chaos.model.injection import INCONCLUSIVE as EFFECT_UNKNOWN
from chaos.model.node import Node
from chaos.model.plan import PlannedInjection
from chaos.model.view import ClusterView
from chaos.runner.ledger import INJECTED, INTENDED, REVERTED, UNDO_FAILED, Ledger
from chaos.scenario.targets import Target, resolve
from chaos.telemetry.stream import Stream


@dataclass
class Injection:
    """One injection on its way through its life."""

    planned: PlannedInjection
    fault: Fault
    nodes: tuple[str, ...]
    entry: LedgerEntry
    record: InjectionRecord
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while it is injected or reverted: a revert waits until the injection has returned."""

    @property
    def in_force(self) -> bool:
        return self.record.reverted_at is None and not self.fault.lasting


class Injector:
    """Injects and reverts in one trial of one run; knows what is still in force."""

    def __init__(
        self, cluster: Cluster, ledger: Ledger, stream: Stream, trial: int, returned: Callable[[Node], None]
    ) -> None:
        self._cluster, self._ledger, self._stream, self._trial = cluster, ledger, stream, trial
        self._returned = returned
        """Told of every node that has come back with another process."""
        self._injections: list[Injection] = []
        self._undo_failures: dict[int, str] = {}
        """Injection's number → why it could not be undone; taken out again when a later try succeeds."""

    @property
    def undo_failures(self) -> list[str]:
        """What could not be undone, with the commands that do it by hand."""
        return list(self._undo_failures.values())

    async def inject(self, planned: PlannedInjection, target: Target, due: float, rng: random.Random) -> Injection:
        """Makes one injection; it is not cut short by a cancellation, for its revert must know what was done.

        Raises Inconclusive if the target resolves to nothing, NodeCallFailed if the engine refuses.
        """
        view = await self._cluster.view()
        nodes = resolve(target, view, rng)
        fault = FAULTS.get(planned.fault).model_validate(planned.options)
        injection = await self._intend(planned, fault, nodes, view, due)
        await asyncio.shield(asyncio.ensure_future(self._make(injection)))
        return injection

    async def _intend(
        self, planned: PlannedInjection, fault: Fault, nodes: tuple[str, ...], view: ClusterView, due: float
    ) -> Injection:
        """Looks at the nodes and writes to the ledger what is going to be done to them."""
        number = self._ledger.next_number()
        looked = await self._each(nodes, lambda node: fault.prepare(self._cluster, node))
        entry = LedgerEntry(
            injection=planned.name,
            number=number,
            trial=self._trial,
            fault=planned.fault,
            step=INTENDED,
            nodes=nodes,
            handles={node: self._cluster.nodes[node].handle for node in nodes},
            options=planned.options,
            undo=dict(zip(nodes, looked, strict=True)),
            by_hand=tuple(fault.by_hand(self._cluster, self._cluster.nodes[node]) for node in nodes),
            lasting=fault.lasting,
        )
        record = InjectionRecord(
            name=planned.name,
            number=number,
            trial=self._trial,
            fault=planned.fault,
            mechanism=mechanism(self._cluster.driver, fault.name, fault.mechanism),
            target=planned.target,
            nodes=nodes,
            planned_at=due,
            issued_at=clock.now(),
            master_of={shard: master for shard, master in view.masters.items() if master in nodes},
        )
        self._ledger.write(entry)
        injection = Injection(planned, fault, nodes, entry, record)
        self._injections.append(injection)
        return injection

    async def _make(self, injection: Injection) -> None:
        async with injection.turn:
            name, nodes, fault = injection.planned.name, injection.nodes, injection.fault
            self._note(injection, issued_at=clock.now())
            self._stream.emit(
                "harness",
                "injection_issued",
                trial=self._trial,
                name=name,
                fault=fault.name,
                nodes=list(nodes),
                mechanism=injection.record.mechanism,
            )
            try:
                await self._each(nodes, lambda node: fault.inject(self._cluster, node))
            except ChaosError as error:
                self._say("injection_failed", injection, error=str(error))
                self._note(injection, effect_detail=f"could not be made: {error}")
                raise
            self._note(injection, confirmed_at=clock.now())
            self._ledger.write(injection.entry.model_copy(update={"step": INJECTED}))
            self._say("injection_effective", injection, at=injection.record.confirmed_at)
            await self._verify(injection)

    async def _verify(self, injection: Injection) -> None:
        """Asks the fault's own probe whether it really happened, on every node."""
        try:
            effects = await self._each(injection.nodes, lambda node: injection.fault.effect(self._cluster, node))
        except ChaosError as error:
            effects = [Effect(effect=EFFECT_UNKNOWN, detail=f"the probe failed: {error}")]
        seen = {effect.effect for effect in effects}
        together = next((worst for worst in (MISMATCH, EFFECT_UNKNOWN) if worst in seen), CONFIRMED)
        detail = "; ".join(effect.detail for effect in effects)
        self._note(injection, effect=together, effect_detail=detail)
        name = injection.planned.name
        self._stream.emit("harness", "injection_effect", trial=self._trial, name=name, effect=together, detail=detail)

    async def revert(self, injection: Injection) -> bool:
        """Undoes one injection, once; False if it failed, which is said loudly and never hidden."""
        async with injection.turn:
            if not injection.in_force:
                return True
            self._note(injection, reverting_at=clock.now())
            self._say("injection_reverting", injection)
            try:
                await self._each(injection.nodes, lambda node: self._revert_one(injection, node))
            except ChaosError as error:
                self._write_down(injection, UNDO_FAILED)
                by_hand = "; ".join(injection.entry.by_hand)
                self._undo_failures[injection.entry.number] = f"'{injection.planned.name}': {error}; by hand: {by_hand}"
                self._say("undo_failed", injection, error=str(error), by_hand=list(injection.entry.by_hand))
                return False
            self._undo_failures.pop(injection.entry.number, None)
            self._write_down(injection, REVERTED)
            self._note(injection, reverted_at=clock.now())
            self._say("injection_reverted", injection, at=injection.record.reverted_at)
            self._stream.emit_record("harness", "injection_ended", injection.record, trial=self._trial)
            return True

    def _write_down(self, injection: Injection, step: str) -> None:
        """Notes how an undo went; a full disk must not stop the next one."""
        try:
            self._ledger.write(injection.entry.model_copy(update={"step": step}))
        except ChaosError as error:
            self._stream.emit("harness", "warning", text=str(error))

    async def _revert_one(self, injection: Injection, node: Node) -> None:
        await injection.fault.revert(self._cluster, node, injection.entry.undo[node.name])
        after = self._cluster.nodes[node.name]
        if after != node:
            self._returned(after)

    async def heal(self) -> bool:
        """Reverts all that is in force, the newest first; False if any of it failed."""
        results = [await self.revert(injection) for injection in reversed(self._injections)]
        return all(results)

    async def _each(self, nodes: Sequence[str], do: Callable[[Node], Any]) -> list[Any]:
        """Does something to all nodes at once; raises the first failure when all have returned."""
        outcomes = await asyncio.gather(*(do(self._cluster.nodes[node]) for node in nodes), return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
        return list(outcomes)

    def _note(self, injection: Injection, **changes: Any) -> None:
        injection.record = injection.record.model_copy(update=changes)
        self._stream.emit_record("harness", "injection_recorded", injection.record, trial=self._trial)

    def _say(self, event: str, injection: Injection, *, at: float | None = None, **data: Any) -> None:
        name, nodes = injection.planned.name, list(injection.nodes)
        self._stream.emit("harness", event, trial=self._trial, at=at, name=name, nodes=nodes, **data)
