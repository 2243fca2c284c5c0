"""An observer at work on real servers, and what it has seen."""

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy

from chaos.archive.run_directory import RunDirectory
from chaos.archive.views import read_views
from chaos.errors import ChaosError
from chaos.model.evidence import NodeLogEvent, Rows
from chaos.model.operation import BEAT_FIELDS, ERROR_CLASSES
from chaos.model.view import ViewChange
from chaos.observe.observer import ObservedNode, ObserverOrder
from chaos.observe.process import ObserverProcess
from chaos.systems.redis_cluster import RedisCluster
from chaos.wire.node_log import read_log
from tests.load.redis_servers import RedisServers, ask

PATIENCE_SECONDS = 30.0


def order_for(servers: RedisServers, directory: Path, password: str | None = None) -> ObserverOrder:
    """The order to watch all of these servers."""
    return ObserverOrder(
        run_directory=str(directory),
        protocol="redis",
        nodes=tuple(
            ObservedNode(
                name=place.node,
                member_id=_member_id(place.port, password),
                address=f"{place.host}:{place.port}",
                reach_host=place.reach_host,
                reach_port=place.reach_port,
                pid=servers.processes[place.node].pid,
            )
            for place in servers.places
        ),
        shard_slots=servers.shard_slots,
        canary_keys=RedisCluster().canary_keys(servers.shard_slots),
        password=password,
    )


def _member_id(port: int, password: str | None) -> str:
    return "" if password else bytes(ask(port, "CLUSTER", "MYID")).decode()


class Watch:
    """Runs the observer's process; keeps every event it sends."""

    def __init__(self, servers: RedisServers, directory: Path, password: str | None = None) -> None:
        directory.mkdir(exist_ok=True)
        self.servers, self.directory, self._password = servers, RunDirectory(directory), password
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.failures: list[ChaosError] = []
        self._news = asyncio.Event()
        self.observer = ObserverProcess(self.directory.observer_log, self._sighted, self.failures.append)

    def _sighted(self, event: str, data: dict[str, Any]) -> None:
        self.events.append((event, data))
        self._news.set()

    async def start(self) -> None:
        await self.observer.spawn()
        await self.observer.start(order_for(self.servers, self.directory.path, self._password))

    def seen(self, event: str, since: int = 0, **wanted: Any) -> list[dict[str, Any]]:
        """The events of a name with this data, from number `since` on."""
        return [
            data
            for name, data in self.events[since:]
            if name == event and all(data.get(key) == value for key, value in wanted.items())
        ]

    async def event(self, event: str, since: int = 0, **wanted: Any) -> dict[str, Any]:
        """Waits for the first event of a name with this data, from number `since` on."""
        await self.until(lambda: self.seen(event, since, **wanted), f"{event} {wanted}")
        return self.seen(event, since, **wanted)[0]

    async def roles(self, **wanted: str) -> None:
        """Waits until the roles last told include these, with underscores for hyphens in the nodes' names."""
        expected = {node.replace("_", "-"): role for node, role in wanted.items()}

        def told() -> bool:
            last: dict[str, str] = next((data["roles"] for name, data in reversed(self.events) if name == "roles"), {})
            return expected.items() <= last.items()

        await self.until(told, f"roles {wanted}")

    async def until(self, condition: Callable[[], Any], what: str) -> Any:
        """The first truthy value of a condition that is looked at whenever an event comes."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not (value := condition()):
                    self._news.clear()
                    await self._news.wait()
                return value
        except TimeoutError:
            raise AssertionError(f"never seen: {what}; events: {self.events[-20:]}") from None

    async def rows_until(self, condition: Callable[[Rows], Any], what: str) -> Rows:
        """The beats on disk as soon as they fulfil a condition."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            if condition(rows := self.rows()):
                return rows
            await asyncio.sleep(0.01)
        raise AssertionError(f"never on disk: {what}")

    def rows(self) -> Rows:
        """Every whole beat on disk."""
        kind = numpy.dtype(list(BEAT_FIELDS))
        written = self.directory.beats.read_bytes()
        return numpy.frombuffer(written[: len(written) // kind.itemsize * kind.itemsize], dtype=kind)

    def changes(self) -> list[ViewChange]:
        """Every change of view on disk."""
        return list(read_views(self.directory.views))

    def log(self, node: str, directory: Path, wall_offset: float) -> list[NodeLogEvent]:
        """What a server's own log tells."""
        return read_log(node, (directory / node / "log").read_text(), wall_offset, lambda member: None)

    def number(self, node: str) -> int:
        """The number by which rows name a node."""
        return [place.node for place in self.servers.places].index(node)

    def restart(self, node: str) -> int:
        """Starts a server that was killed, with its data and at its address; returns its process id."""
        again = subprocess.Popen(self.servers.processes[node].args, stdin=subprocess.DEVNULL, start_new_session=True)
        self.servers.processes[node] = again
        return again.pid


def error_of(rows: Rows) -> set[str]:
    """The error classes in these rows."""
    return {ERROR_CLASSES[code] for code in numpy.unique(rows["error"])}
