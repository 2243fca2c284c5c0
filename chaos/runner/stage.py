"""The stage: the phases of one run on a ground that has been set aside, in order, and back to nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from chaos import clock
from chaos.analysis.convergence import convergence_shortcomings, redundancy_shortcomings
from chaos.archive.run_directory import RunDirectory
from chaos.cluster import Cluster
from chaos.drivers.driver import Logging
from chaos.errors import ChaosError, Inconclusive
from chaos.model.node import Node
from chaos.model.operation import FINAL_READ_FIELDS, RowDescription
from chaos.model.plan import RunPlan
from chaos.model.result import RunResult
from chaos.model.verdict import INCONCLUSIVE
from chaos.observe.host import HostNoise
from chaos.runner.forming import form
from chaos.runner.injector import Injector
from chaos.runner.judging import conclusions, judge_run, with_own_cost, write_reports
from chaos.runner.ledger import Ledger
from chaos.runner.options import RunOptions
from chaos.runner.parts import Ground
from chaos.runner.timeline import run_timeline
from chaos.runner.traffic import Traffic
from chaos.runner.uninterrupted import uninterrupted
from chaos.scenario.language import Scenario
from chaos.systems.system import System, with_secret
from chaos.telemetry.stream import Stream

FORM_SECONDS = 60.0
PATIENCE_SECONDS = 30.0
"""How long the nodes may take to agree on everything before t = 0."""
SETTLE_POLL_SECONDS = 0.05
TRIAL = 1
"""The number of the only trial there is yet."""


@dataclass
class Outcome:
    """How a run ended."""

    directory: RunDirectory
    result: RunResult | None = None
    """None if it was not judged: it was interrupted, or the harness failed."""
    error: ChaosError | None = None
    """Why it was not judged, unless it was interrupted."""
    interrupted: bool = False
    undo_failures: list[str] = field(default_factory=list)
    """What could not be undone, with the commands that do it by hand."""
    leftovers: list[str] = field(default_factory=list)
    """What could not be removed, in words."""
    kept: tuple[str, ...] = ()
    """The nodes that were left running because that was asked for."""


class Stage:
    """One run between the plan and the outcome."""

    def __init__(
        self,
        scenario: Scenario,
        options: RunOptions,
        plan: RunPlan,
        directory: RunDirectory,
        ground: Ground,
        system: System,
        password: str | None,
        stream: Stream,
    ) -> None:
        self._scenario, self._options, self._plan = scenario, options, plan
        self._directory, self._ground, self._system = directory, ground, system
        self._password, self._stream = password, stream
        self._traffic = Traffic(plan, scenario.load, system, directory, stream, self._child_failed)
        self._cluster: Cluster | None = None
        self._injector: Injector | None = None
        self._failure: ChaosError | None = None
        self._task: asyncio.Task[None] | None = None
        self._keys = 0
        self._seconds: dict[str, float] = {}

    async def carry_out(self) -> Outcome:
        """Builds, loads, breaks, heals, reads, tears down and judges; raises only for a defect of ours.

        A cancellation ends it early: what was broken is healed and everything is removed all the same.
        """
        outcome = Outcome(self._directory)
        self._task = asyncio.ensure_future(self._until_read())
        try:
            async with asyncio.timeout(self._options.max_duration):
                await self._task
        except TimeoutError:
            self._issue(f"the run was stopped after {self._options.max_duration:g} s, as asked by --max-duration")
        except asyncio.CancelledError:
            outcome.interrupted = self._failure is None
            outcome.error = self._failure
        except Inconclusive as issue:
            self._issue(str(issue))
        except ChaosError as error:
            outcome.error = error
        except BaseException:  # a defect of ours: what was broken is healed and removed all the same
            await uninterrupted(self._put_back(outcome))
            raise
        if await uninterrupted(self._put_back(outcome)):
            outcome.interrupted = outcome.error is None
        self._conclude(outcome)
        return outcome

    async def _until_read(self) -> None:
        """Everything up to the final reads: what needs the cluster."""
        self._traffic.spawn()
        cluster = await self._build()
        await self._warm_up(cluster)
        await self._trial(cluster)
        with self._phase("final_reads"):
            await self._read_everything(cluster)

    async def _build(self) -> Cluster:
        plan = self._plan
        with self._phase("build"):
            wanted = [with_secret(node, self._password) for node in plan.nodes]
            nodes = await self._ground.driver.up(wanted, plan.server)
        cluster = self._cluster = Cluster(self._ground.driver, self._system, plan, nodes, self._password)
        for node in nodes:
            self._node_started(node)
        with self._phase("form"):
            await form(cluster, FORM_SECONDS)
        self._stream.emit("harness", "server_version", version=await self._system.version(cluster))
        return cluster

    async def _warm_up(self, cluster: Cluster) -> None:
        with self._phase("warmup"):
            await self._traffic.begin(cluster, self._password)
            await self._traffic.steadiness.wait(self._scenario.warmup, loaded=self._scenario.load is not None)
            _, _, wanting = await self._await_whole(cluster, PATIENCE_SECONDS)
            if wanting:
                raise Inconclusive(f"the steady state never came: {'; '.join(wanting[:3])}")
        self._stream.emit("harness", "steady")

    async def _trial(self, cluster: Cluster) -> None:
        """The fault timeline, then everything healed and awaited; the load stops at its end."""
        scenario, t0, noise = self._scenario, clock.now(), HostNoise()
        self._traffic.trial = TRIAL
        offset = clock.wall_offset_seconds()
        self._say("trial_started", t0=t0, wall_offset=offset, seed=self._plan.seed, phase_sampled=False)
        ledger = Ledger(self._directory.ledger)
        injector = self._injector = Injector(cluster, ledger, self._stream, TRIAL, self._node_returned)
        with self._phase("timeline"):
            await run_timeline(
                self._plan.timeline,
                {entry.name: entry.target for entry in scenario.faults},
                injector,
                self._stream,
                trial=TRIAL,
                t0=t0,
                duration=scenario.duration,
                seed=self._plan.seed,
            )
            self._stream.emit("harness", "timeline_ended", trial=TRIAL, at=clock.now())
        with self._phase("settle"):
            await injector.heal()
            await self._settle(cluster)
            await self._traffic.look()  # what has just been awaited shall stand in the recorded views too
            t_end = clock.now()
            totals = await self._traffic.stop()
        self._keys = totals.keys if totals else 0
        self._say("host_noise", **noise.read())
        self._say("trial_ended", t_end=t_end)
        self._traffic.trial = None

    async def _settle(self, cluster: Cluster) -> None:
        """Waits for convergence and redundancy; that they did not come is for the checks to judge."""
        converged, redundant, wanting = await self._await_whole(cluster, self._scenario.settle)
        self._say("settled", converged=converged, redundant=redundant, reason="; ".join(wanting[:3]))

    async def _await_whole(self, cluster: Cluster, patience: float) -> tuple[float | None, float | None, list[str]]:
        """Seconds until converged and until redundant, None for what did not come, and what is wanting then."""
        began = clock.now()
        converged: float | None = None
        redundant: float | None = None
        while True:
            views = {view.observer: view for view in await self._system.views(cluster)}
            split, thin = convergence_shortcomings(views, self._plan), redundancy_shortcomings(views, self._plan)
            waited = clock.now() - began
            converged = None if split else waited if converged is None else converged
            redundant = None if thin else waited if redundant is None else redundant
            if not (split or thin) or waited > patience:
                return converged, redundant, split + thin
            await asyncio.sleep(SETTLE_POLL_SECONDS)

    async def _read_everything(self, cluster: Cluster) -> None:
        if not self._keys:
            return
        rows = await self._system.final_reads(cluster, self._keys)
        self._directory.final_reads(TRIAL).write_bytes(rows)
        names = tuple(node.name for node in self._plan.nodes)
        description = RowDescription(fields=FINAL_READ_FIELDS, nodes=names)
        self._directory.final_reads_description.write_text(description.model_dump_json(indent=1), encoding="utf-8")

    async def _put_back(self, outcome: Outcome) -> None:
        """Heals, ends the children, keeps the logs and removes the nodes, in any state."""
        self._stream.carry_on()
        if self._injector:
            await self._injector.heal()
            outcome.undo_failures += self._injector.undo_failures
        await self._traffic.end()
        if self._cluster:
            await self._keep_logs(self._cluster)
        if self._options.keep and self._cluster and not outcome.interrupted:
            outcome.kept = tuple(self._cluster.nodes)
            return
        with self._phase("teardown"):
            try:
                outcome.leftovers += await self._ground.driver.down()
            except ChaosError as error:
                outcome.leftovers.append(str(error))

    async def _keep_logs(self, cluster: Cluster) -> None:
        driver = cluster.driver
        if not isinstance(driver, Logging):
            return

        async def keep(node: Node) -> None:
            kept = self._directory.log(node.name)
            if kept.exists():  # the server itself writes there
                return
            try:
                kept.write_text(await driver.logs(node), encoding="utf-8")
            except (ChaosError, OSError) as error:
                self._stream.emit("harness", "warning", text=f"the log of {node.name} could not be kept: {error}")

        await asyncio.gather(*(keep(node) for node in cluster.nodes.values()))

    def _conclude(self, outcome: Outcome) -> None:
        """Judges what was recorded, unless the run never got anywhere."""
        if outcome.error or outcome.interrupted:
            reason = "interrupted" if outcome.interrupted else str(outcome.error)
            self._stream.emit("harness", "run_ended", verdict=INCONCLUSIVE, reason=reason)
            return
        try:
            with self._phase("judge"):
                result = judge_run(self._directory, self._system)
            with self._phase("report"):
                write_reports(self._directory, result)
        except (ChaosError, OSError) as error:
            outcome.error = (
                error if isinstance(error, ChaosError) else ChaosError(f"the result cannot be kept: {error}")
            )
            self._stream.emit("harness", "run_ended", verdict=INCONCLUSIVE, reason=str(outcome.error))
            return
        outcome.result = with_own_cost(result, self._seconds)
        write_reports(self._directory, outcome.result)  # once more, now that their own cost is known
        for event, trial, data in conclusions(outcome.result):
            self._stream.emit("harness", event, trial=trial, **data)

    def _node_started(self, node: Node) -> None:
        place = node.plan.place
        self._stream.emit("harness", "node_started", node=node.name, address=f"{place.host}:{place.port}", pid=node.pid)

    def _node_returned(self, node: Node) -> None:
        self._traffic.returned(node)
        self._node_started(node)

    def _child_failed(self, error: ChaosError) -> None:
        """A run whose load or observer died is of no use: it ends now."""
        self._failure = error
        if self._task:
            self._task.cancel()

    def _issue(self, text: str) -> None:
        self._stream.emit("harness", "trial_issue", trial=self._traffic.trial, text=text)

    def _say(self, event: str, **data: Any) -> None:
        self._stream.emit("harness", event, trial=TRIAL, **data)

    @contextmanager
    def _phase(self, name: str) -> Iterator[None]:
        self._stream.emit("harness", "phase_started", phase=name)
        began = clock.now()
        try:
            yield
        finally:
            self._seconds[name] = self._seconds.get(name, 0.0) + clock.now() - began
            self._stream.emit("harness", "phase_ended", phase=name, seconds=clock.now() - began)
