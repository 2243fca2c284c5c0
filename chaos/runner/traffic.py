"""The traffic of a run: the load and the observers, each in a process of its own, started and stopped together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from chaos.archive.run_directory import RunDirectory
from chaos.cluster import Cluster
from chaos.errors import ChaosError
from chaos.load.load import Load, LoadOrder, LoadTotals
from chaos.model.node import Node
from chaos.model.operation import LoadProgress
from chaos.model.plan import RunPlan
from chaos.observe.observer import ObservedNode, Observer, ObserverOrder
from chaos.runner.parts import make_load, make_observer
from chaos.runner.steady import Steadiness
from chaos.scenario.language import LoadSpec
from chaos.systems.system import System
from chaos.telemetry.stream import Stream


class Traffic:
    """Load and observers of one run; what they say becomes events. `failed` is told of a child that died."""

    def __init__(
        self,
        plan: RunPlan,
        spec: LoadSpec | None,
        system: System,
        directory: RunDirectory,
        stream: Stream,
        failed: Callable[[ChaosError], None],
    ) -> None:
        self._plan, self._spec, self._system = plan, spec, system
        self._directory, self._stream, self._failed = directory, stream, failed
        self.steadiness = Steadiness()
        self.trial: int | None = None
        """The trial that events belong to."""
        self._load: Load | None = make_load(system, directory, self._progressed, failed) if spec else None
        self._observer: Observer = make_observer(system, directory, self._sighted, failed)
        self._spawning: list[asyncio.Task[None]] = []

    def spawn(self) -> None:
        """Starts both processes while the cluster is being built: importing takes them a second."""
        self._spawning = [asyncio.create_task(self._observer.spawn())]
        if self._load:
            self._spawning.append(asyncio.create_task(self._load.spawn()))

    async def begin(self, cluster: Cluster, password: str | None) -> None:
        """Observers first, so that they see the load begin."""
        await asyncio.gather(*self._spawning)
        preparing = [self._observer.start(self._observer_order(cluster, password))]
        if self._load and self._spec:
            preparing.append(self._load.order(self._load_order(self._spec, password)))
        await asyncio.gather(*preparing)
        if self._load:
            await self._load.begin()

    def returned(self, node: Node) -> None:
        """A node may have come back with another process."""
        self._observer.watch(node.name, node.pid)

    async def look(self) -> None:
        """Lets the observers see everything as it is now."""
        await self._observer.look()

    async def stop(self) -> LoadTotals | None:
        """Ends the load in order, then the observers; returns what the load did."""
        totals = await self._load.stop() if self._load else None
        self._stream.emit_record("observer", "observer_stopped", await self._observer.stop(), trial=self.trial)
        return totals

    async def end(self) -> None:
        """Ends whatever still runs, at once; harmless when repeated."""
        for task in self._spawning:
            task.cancel()
        await asyncio.gather(*self._spawning, return_exceptions=True)
        if self._load:
            await self._load.kill()
        await self._observer.end()

    def _progressed(self, progress: LoadProgress) -> None:
        self.steadiness.progressed(progress)
        self._emit("load", "load_progress", None, progress.model_dump())

    def _sighted(self, event: str, data: dict[str, Any]) -> None:
        self.steadiness.sighted(event, data)
        rest = {name: value for name, value in data.items() if name != "at"}
        self._emit("observer", event, data.get("at"), rest)

    def _emit(self, source: str, event: str, at: float | None, data: dict[str, Any]) -> None:
        """Emits from a child's listener, which must go on listening: a journal that fails ends the run by itself."""
        try:
            self._stream.emit(source, event, trial=self.trial, at=at, **data)
        except ChaosError as error:
            self._failed(error)

    def _observer_order(self, cluster: Cluster, password: str | None) -> ObserverOrder:
        nodes = tuple(
            ObservedNode(
                name=node.name,
                member_id=node.member_id,
                address=f"{node.place.host}:{node.place.port}",
                reach_host=node.place.reach_host,
                reach_port=node.place.reach_port,
                pid=cluster.nodes[node.name].pid,
            )
            for node in self._plan.nodes
        )
        return ObserverOrder(
            run_directory=str(self._directory.path),
            protocol=self._system.protocol,
            nodes=nodes,
            shard_slots=self._plan.shard_slots,
            canary_keys=self._system.canary_keys(self._plan.shard_slots),
            password=password,
        )

    def _load_order(self, spec: LoadSpec, password: str | None) -> LoadOrder:
        return LoadOrder(
            run_directory=str(self._directory.path),
            load=spec.name,
            protocol=self._system.protocol,
            nodes=self._plan.site.places,
            shard_slots=self._plan.shard_slots,
            password=password,
            users=spec.users,
            rate=spec.rate,
            writes=spec.writes,
            keys=spec.keys,
            value_size=spec.value_size,
            timeout=spec.timeout,
            max_in_flight=spec.max_in_flight,
            seed=self._plan.seed,
            value_tag=self._plan.run_id,
        )
