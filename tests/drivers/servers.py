"""Plain Redis servers on the ground of a driver under test."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from chaos.drivers.docker import Docker
from chaos.drivers.driver import CAPABILITIES, Driver, RunLabel
from chaos.drivers.local import Local
from chaos.drivers.memory import Memory
from chaos.errors import EnvironmentLacks
from chaos.fake.world import WORLD
from chaos.model.node import Node
from chaos.model.plan import NodePlan, Place, ServerIdentity, Site
from chaos.scenario.language import ClusterSpec
from tests.drivers.tiny_redis import ask_tiny

PORT = 6379
HERE = ClusterSpec(image="chaos/redis:latest", pull="never")
"""The image that is built here, so that no test depends on a registry."""
_PATIENCE_SECONDS = 20.0


def new_label() -> RunLabel:
    """The label of a run that nobody else has."""
    run_id = f"test-{secrets.token_hex(6)}"
    return RunLabel(run_id, host_id="test-host", run_directory=str(Path(tempfile.gettempdir(), f"chaos-{run_id}")))


@asynccontextmanager
async def docker_driver(label: RunLabel) -> AsyncIterator[Driver]:
    """An open Docker driver whose run is removed at the end; fails if there is no engine or no way to an image."""
    driver = Docker(label)
    await driver.open()
    try:
        await built_here(driver)
        yield driver
    finally:
        left = await driver.down()
        await driver.close()
        assert left == []


@asynccontextmanager
async def local_driver(label: RunLabel) -> AsyncIterator[Driver]:
    """An open driver of local processes, ready for every capability; its run and directory are removed at the end."""
    driver = Local(label)
    await driver.open()
    driver.prepare_for(CAPABILITIES)
    Path(label.run_directory).mkdir(exist_ok=True)
    try:
        yield driver
    finally:
        left = await driver.down()
        await driver.close()
        shutil.rmtree(label.run_directory, ignore_errors=True)
        assert left == []


@asynccontextmanager
async def memory_driver(label: RunLabel) -> AsyncIterator[Driver]:
    """An open driver of machines in memory, on which `redis-server` is a few words of Redis."""
    driver = Memory(label)
    await driver.open()
    try:
        yield driver
    finally:
        assert await driver.down() == []


async def built_here(driver: Docker) -> ServerIdentity:
    """The image of the host's own Redis, built when it is missing."""
    try:
        return await driver.identify(HERE, fetch=True)
    except EnvironmentLacks:
        return await driver.build_image("redis")


@dataclass(frozen=True)
class Servers:
    """Running servers and the ground they stand on."""

    driver: Driver
    site: Site
    server: ServerIdentity
    nodes: tuple[Node, ...]

    @property
    def plans(self) -> tuple[NodePlan, ...]:
        return tuple(node.plan for node in self.nodes)


def plans(
    site: Site, config: Mapping[str, str] | None = None, aliases: Sequence[str] = (), command: Sequence[str] = ()
) -> list[NodePlan]:
    """A plain Redis per place: every write is on disk when it is acknowledged."""
    settings = {"protected-mode": "no", "appendonly": "yes", "appendfsync": "always", "save": '""', **(config or {})}
    return [
        NodePlan(
            name=place.node,
            service="redis",
            role="master",
            shard=None,
            member_id="",
            place=place,
            command=tuple(command) or ("redis-server", f"{place.config_path}/redis.conf"),
            files={
                f"{place.config_path}/redis.conf": "".join(
                    f"{name} {value}\n" for name, value in {**settings, **_placed(place)}.items()
                )
            },
            aliases=tuple(f"{alias}-{place.node}" for alias in aliases),
        )
        for place in site.places
    ]


def _placed(place: Place) -> dict[str, str]:
    """What a server has to be told of its place."""
    return {"dir": place.data_path, "port": str(place.server_port or place.port)}


async def start_servers(
    driver: Driver, count: int = 1, spec: ClusterSpec = HERE, aliases: Sequence[str] = ()
) -> Servers:
    """Servers `redis-1` … that answer."""
    site = await driver.reserve(spec, [f"redis-{number + 1}" for number in range(count)], PORT, dry=False)
    server = await driver.identify(spec, fetch=True)
    nodes = await driver.up(plans(site, aliases=aliases), server)
    for node in nodes:
        await answering(node)
    return Servers(driver, site, server, tuple(nodes))


async def ask(node: Node, *words: str, timeout_seconds: float = 2.0) -> str:
    """The first line a server answers; raises OSError or TimeoutError."""
    if machine := WORLD.with_handle(node.handle):
        return await ask_tiny(machine, words, timeout_seconds)
    async with asyncio.timeout(timeout_seconds):
        reader, writer = await asyncio.open_connection(node.plan.place.reach_host, node.plan.place.reach_port)
        try:
            writer.write((" ".join(words) + "\r\n").encode())
            line = await reader.readline()
            if line.startswith(b"$") and line != b"$-1\r\n":
                line = await reader.readline()
            if not line:
                raise ConnectionResetError("the server hung up")
            return line.decode().strip()
        finally:
            writer.transport.abort()


async def first_answer(node: Node) -> str:
    """What a server says to PING as soon as it says anything; raises TimeoutError if it never does."""
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while True:
            try:
                return await ask(node, "PING")
            except OSError:  # a time-out of one question is one too
                await asyncio.sleep(0.01)


async def answering(node: Node) -> None:
    """Waits until a server serves, its data loaded; raises TimeoutError if it never does."""
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while await first_answer(node) != "+PONG":
            await asyncio.sleep(0.01)


async def unreachable(node: Node) -> bool:
    """Whether no connection to the server can be made."""
    try:
        await ask(node, "PING", timeout_seconds=0.5)
    except (OSError, TimeoutError):
        return True
    return False
