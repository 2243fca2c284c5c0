"""A run from a scenario to its outcome: the ground under it, its directory and lock, and who listens to its events."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from chaos import __version__, clock
from chaos.archive.run_directory import RunDirectory
from chaos.drivers.driver import RunLabel
from chaos.errors import ChaosError
from chaos.host import host_id
from chaos.model.plan import RunPlan, ServerIdentity
from chaos.runner.draft import check_capabilities, draft_plan, new_run_id, new_seed, password_of
from chaos.runner.options import RunOptions
from chaos.runner.parts import Ground, make_system, open_ground
from chaos.runner.stage import Outcome, Stage
from chaos.runner.uninterrupted import uninterrupted
from chaos.scenario.language import Scenario
from chaos.scenario.reader import ScenarioDocument
from chaos.telemetry.endpoint import Endpoint
from chaos.telemetry.journal import Journal
from chaos.telemetry.prometheus import KnownSeries, Metrics
from chaos.telemetry.sink import Sink
from chaos.telemetry.stream import Stream

MakeSinks = Callable[[RunPlan], list[Sink]]
"""The sinks for people, made once the plan is known."""
Show = Callable[[Outcome], None]
"""Shows how a run ended, before its metrics are kept up a little longer for a scraper."""


PATIENCE_SECONDS, REPEAT_SECONDS = 2.0, 5.0
"""When a wait is first spoken of, and how often again."""


class Run:
    """Carries out one scenario once."""

    def __init__(
        self,
        document: ScenarioDocument,
        options: RunOptions,
        make_sinks: MakeSinks,
        show: Show,
        notice: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`notice` is told of long waits before there is anything to listen to."""
        self._notice = notice
        self._scenario = _placebo(document.scenario) if options.no_faults else document.scenario
        self._text, self._options = document.text, options
        self._make_sinks, self._show = make_sinks, show
        self._system = make_system(self._scenario)
        self._password = password_of(self._scenario)
        seeds = (options.seed, self._scenario.seed, new_seed())
        self._seed = next(seed for seed in seeds if seed is not None)
        self._run_id = new_run_id(self._scenario.name)

    async def execute(self) -> Outcome:
        """Runs it and returns how it ended; a cancellation is answered by healing and tearing down first.

        Raises EnvironmentLacks, with nothing left behind, for what shows before the first node starts.
        """
        path = (self._options.reports / self._run_id).resolve()
        label = RunLabel(run_id=self._run_id, host_id=host_id(), run_directory=str(path))
        ground = await open_ground(self._options.driver, label, self._scenario.cluster)
        try:
            check_capabilities(self._scenario, ground.driver)
            server = await self._identify(ground)
            directory = RunDirectory.create(path.parent, self._run_id)
            with directory.hold():
                return await self._within(directory, ground, server)
        finally:
            await self._system.close()
            await ground.driver.close()

    async def _identify(self, ground: Ground) -> ServerIdentity:
        """The server that will run; says so if getting it takes long, for an image may have to come from far."""
        wanted = self._scenario.cluster.image
        waiting = asyncio.create_task(self._say_while_waiting(f"getting the server ({wanted})"))
        try:
            return await ground.driver.identify(self._scenario.cluster, fetch=True)
        finally:
            waiting.cancel()

    async def _say_while_waiting(self, what: str) -> None:
        began = clock.now()
        await asyncio.sleep(PATIENCE_SECONDS)
        while True:
            self._notice(f"{what}, {clock.now() - began:.0f} s")
            await asyncio.sleep(REPEAT_SECONDS)

    async def _within(self, directory: RunDirectory, ground: Ground, server: ServerIdentity) -> Outcome:
        """The run in its directory; if it cannot begin, neither ground nor directory is left."""
        try:
            plan = await draft_plan(
                self._scenario, ground, self._system, server, run_id=self._run_id, seed=self._seed, dry=False
            )
            directory.scenario.write_text(self._text, encoding="utf-8")
            directory.plan.write_text(plan.model_dump_json(indent=1), encoding="utf-8")
            metrics = Metrics(KnownSeries.of(plan, (self._scenario.load.name,) if self._scenario.load else ()))
            endpoint = Endpoint(metrics.render, self._options.metrics_port)
        except BaseException:
            await uninterrupted(self._unbegin(directory, ground))
            raise
        try:
            return await self._told(plan, directory, ground, metrics, endpoint)
        finally:
            endpoint.close()

    async def _unbegin(self, directory: RunDirectory, ground: Ground) -> None:
        await ground.driver.down()
        directory.discard()

    async def _told(
        self, plan: RunPlan, directory: RunDirectory, ground: Ground, metrics: Metrics, endpoint: Endpoint
    ) -> Outcome:
        """The run with everybody listening: the journal, the metrics, and whoever watches."""
        stream = Stream([Journal(directory.journal), metrics, *self._make_sinks(plan)])
        stream.emit(
            "harness",
            "run_started",
            run_id=plan.run_id,
            scenario=plan.scenario,
            driver=plan.driver,
            driver_reason=ground.reason,
            engine=plan.engine,
            server=plan.server.sentence,
            seed=plan.seed,
            reach=plan.site.reach,
            metrics=endpoint.url,
            tool_version=__version__,
        )
        stage = Stage(self._scenario, self._options, plan, directory, ground, self._system, self._password, stream)
        outcome = await stage.carry_out()
        try:
            stream.close()
            directory.metrics.write_text(metrics.open_metrics(), encoding="utf-8")
        except (ChaosError, OSError) as error:
            outcome.error = outcome.error or ChaosError(f"the run could not be kept whole: {error}")
        self._show(outcome)
        with suppress(asyncio.CancelledError):  # whoever interrupts the lingering wants its end, and gets the verdict
            await endpoint.linger()
        return outcome


def _placebo(scenario: Scenario) -> Scenario:
    """The same run with nothing broken: what its expectations say of broken things does not apply."""
    return scenario.model_copy(update={"faults": (), "expect": ()})
