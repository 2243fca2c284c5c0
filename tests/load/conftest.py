"""Real servers and real loads for the tests of the load."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.load.load_run import LoadRun
from tests.load.redis_servers import RedisServers


@pytest.fixture(scope="session")
def shared_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServers]:
    servers = RedisServers(tmp_path_factory.mktemp("servers"))
    yield servers
    servers.close()


@pytest.fixture
def servers(shared_servers: RedisServers) -> RedisServers:
    """Three empty masters; a test must leave them running."""
    shared_servers.reset()
    return shared_servers


@pytest.fixture
def make_servers(tmp_path: Path) -> Iterator[Callable[..., RedisServers]]:
    """Servers of a test's own."""
    made: list[RedisServers] = []

    def make(**choices: Any) -> RedisServers:
        directory = tmp_path / f"servers-{len(made)}"
        directory.mkdir()
        made.append(RedisServers(directory, **choices))
        return made[-1]

    yield make
    for servers in made:
        servers.close()


@pytest.fixture
async def run(tmp_path: Path) -> AsyncIterator[LoadRun]:
    directory = tmp_path / "run"
    directory.mkdir()
    load_run = LoadRun(directory)
    yield load_run
    await load_run.load.kill()
