"""The parts of a run: the one place where names become objects."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from chaos.archive.run_directory import RunDirectory
from chaos.drivers.driver import DRIVERS, Driver, EngineFacts, RunLabel
from chaos.errors import ChaosError, EnvironmentLacks
from chaos.load.load import Load
from chaos.load.process import LoadProcess
from chaos.load.toy import ToyLoad
from chaos.model.operation import LoadProgress
from chaos.observe.observer import Observer, Sighted
from chaos.observe.process import ObserverProcess
from chaos.observe.toy import ToyObserver
from chaos.scenario.language import ClusterSpec, Scenario
from chaos.systems.system import SYSTEMS, System

AUTO = "auto"
TOY = "toy"
"""The protocol of the fake store: its load and observer share the controller's own clock."""


@dataclass(frozen=True, slots=True)
class Ground:
    """A driver that is open, with what answered and why it was chosen."""

    driver: Driver
    engine: EngineFacts
    reason: str


async def open_ground(name: str, label: RunLabel, spec: ClusterSpec | None = None) -> Ground:
    """The driver asked for; for `auto` a Docker engine if one answers and no binary is asked for, else local processes.

    Raises EnvironmentLacks if the driver asked for is not to be had.
    """
    if name != AUTO:
        driver = DRIVERS.get(name)(label)
        return Ground(driver, await driver.open(), "asked for")
    reason = "the scenario names a binary of this machine"
    if spec is None or spec.binary is None:
        driver = DRIVERS.get("docker")(label)
        try:
            return Ground(driver, await driver.open(), "a Docker engine answers")
        except EnvironmentLacks as error:
            await driver.close()
            reason = str(error)
    driver = DRIVERS.get("local")(label)
    return Ground(driver, await driver.open(), reason)


def make_system(scenario: Scenario) -> System:
    """The system under test."""
    return SYSTEMS.get(scenario.cluster.system)()


def make_load(
    system: System,
    directory: RunDirectory,
    progressed: Callable[[LoadProgress], None],
    failed: Callable[[ChaosError], None],
) -> Load:
    """The load that speaks the system's protocol."""
    if system.protocol == TOY:
        return ToyLoad(progressed, failed)
    return LoadProcess(directory.load_log, progressed, failed)


def make_observer(
    system: System, directory: RunDirectory, sighted: Sighted, failed: Callable[[ChaosError], None]
) -> Observer:
    """The observer that speaks the system's protocol."""
    if system.protocol == TOY:
        return ToyObserver(sighted, failed)
    return ObserverProcess(directory.observer_log, sighted, failed)
