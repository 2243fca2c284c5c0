"""What runs left on the engines: whose it is, and whether its run still lives."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from chaos.archive.run_directory import RunDirectory
from chaos.cli import options
from chaos.drivers.driver import DRIVERS, Driver, EngineFacts, Remains, RunLabel
from chaos.errors import EnvironmentLacks


class Owner(Enum):
    """Who must decide about what a run left."""

    DEAD = "its run is dead"
    ALIVE = "its run is alive"
    FOREIGN = "another machine's run"


@dataclass(frozen=True, slots=True)
class Leftover:
    """What one driver found of one run."""

    driver: str
    remains: Remains
    owner: Owner

    @property
    def label(self) -> RunLabel:
        return self.remains.label

    @property
    def sentence(self) -> str:
        counts = (
            (len(self.remains.nodes), "node"),
            (len(self.remains.networks), "network"),
            (len(self.remains.volumes), "volume"),
        )
        parts = [f"{count} {word}{'s' if count > 1 else ''}" for count, word in counts if count]
        return f"{self.label.run_id}: {', '.join(parts)} ({self.driver})"

    def age_seconds(self) -> float | None:
        """Since the run began, by its lock file; None if its directory is gone."""
        try:
            return time.time() - RunDirectory(Path(self.label.run_directory)).lock_file.stat().st_mtime
        except FileNotFoundError:
            return None


def owner_of(label: RunLabel, host: str) -> Owner:
    """A run is dead if this machine ran it and nobody holds the lock in its directory any more."""
    if label.host_id != host:
        return Owner.FOREIGN
    return Owner.ALIVE if RunDirectory(Path(label.run_directory)).is_alive else Owner.DEAD


@asynccontextmanager
async def opened(name: str, label: RunLabel) -> AsyncIterator[tuple[Driver, EngineFacts]]:
    """A driver by name, open, and its engine; raises EnvironmentLacks if that does not answer."""
    made = DRIVERS.get(name)(label)
    try:
        yield made, await made.open()
    finally:
        await made.close()


async def find_leftovers() -> tuple[list[Leftover], list[str]]:
    """Everything that any run left on any engine that answers, and why the others do not."""
    label = options.no_run()
    found: list[Leftover] = []
    silent: list[str] = []
    for name in DRIVERS.names():
        try:
            async with opened(name, label) as (driver, _):
                remains = await driver.remains()
        except EnvironmentLacks as error:
            silent.append(f"{name}: {error}")
            continue
        found += [Leftover(name, each, owner_of(each.label, label.host_id)) for each in remains]
    return found, silent
