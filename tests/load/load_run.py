"""One load under test: the child process, and everything it has said."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from chaos.errors import ChaosError
from chaos.load.load import Load, LoadOrder, LoadTotals
from chaos.load.process import LoadProcess
from chaos.model.operation import OPERATION_FIELDS, LoadProgress
from tests.load.redis_servers import DEADLINE_SECONDS, RedisServers

Rows = np.ndarray[Any, np.dtype[Any]]


class LoadRun:
    """One load in its process, with everything it has said."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.progress: list[LoadProgress] = []
        self.failures: list[ChaosError] = []
        self._news = asyncio.Event()
        self.process = LoadProcess(directory / "load.log", self._note, self.failures.append)
        self.load: Load = self.process

    def _note(self, progress: LoadProgress) -> None:
        self.progress.append(progress)
        self._news.set()

    async def start(self, servers: RedisServers, **choices: Any) -> None:
        """Spawns the load, hands over an order and begins traffic."""
        await self.load.spawn()
        await self.load.order(order_for(servers, self.directory, **choices))
        await self.load.begin()

    async def further(self, operations: int) -> None:
        """Waits until so many more operations have ended."""
        goal = self.ended() + operations
        await self.until(lambda: self.ended() >= goal)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(DEADLINE_SECONDS):
            while not condition():
                self._news.clear()
                await self._news.wait()

    def ended(self) -> int:
        return sum(self.progress[-1].requests.values()) if self.progress else 0

    async def stop(self) -> tuple[LoadTotals, Rows]:
        """Ends the load; returns its totals and the strict client's rows."""
        totals = await self.load.stop()
        return totals, self.rows()

    def rows(self, client: int = 0) -> Rows:
        every: Rows = np.fromfile(self.directory / "operations.bin", dtype=np.dtype(list(OPERATION_FIELDS)))
        return every[every["client"] == client]


def order_for(servers: RedisServers, directory: Path, **choices: Any) -> LoadOrder:
    common = {
        "run_directory": str(directory),
        "nodes": servers.places,
        "shard_slots": servers.shard_slots,
        "users": 20,
        "keys": 1000,
        "seed": 7,
        "value_tag": "20260101-run",
    }
    return LoadOrder(**{**common, **choices})
