"""The observer's process: its life hangs on one pipe, and its files are whole however it ends."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from chaos.archive.views import read_views
from chaos.model.operation import BEAT_FIELDS, RowDescription, row_struct
from tests.load.redis_servers import RedisServers, ask, wait_until
from tests.observe.watch import Watch, order_for

PASSWORD = "open sesame"


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServers]:
    """Three masters, which no test here touches."""
    made = RedisServers(tmp_path_factory.mktemp("servers"))
    yield made
    made.close()


@pytest.fixture
async def watching(servers: RedisServers, tmp_path: Path) -> AsyncIterator[Callable[..., Watch]]:
    """Makes watches that are ended after the test."""
    made: list[Watch] = []

    def make(password: str | None = None) -> Watch:
        made.append(Watch(servers, tmp_path / "run", password))
        return made[-1]

    yield make
    for watch in made:
        await watch.observer.end()


def _is_gone(pid: int) -> bool:
    """Whether a process has ended; one that waits to be reaped has."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return True
    return status.rpartition(")")[2].split()[0] == "Z"


def _whole(run: Path) -> bool:
    """Whether the files hold whole rows and lines only, with their description."""
    beats = (run / "beats.bin").read_bytes()
    description = RowDescription.model_validate_json((run / "beats.json").read_text())
    lines = (run / "views.jsonl").read_text()
    return (
        len(beats) > 0
        and len(beats) % row_struct(BEAT_FIELDS).size == 0
        and description.fields == BEAT_FIELDS
        and lines.endswith("\n")
        and len(list(read_views(run / "views.jsonl"))) == len(lines.splitlines())
    )


PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-m", "chaos.observe"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                         start_new_session=True)
print(child.pid, flush=True)
child.stdin.write(sys.stdin.readline().encode())
child.stdin.flush()
for line in child.stdout:
    print(line.decode(), end="", flush=True)
"""


def test_it_ends_with_a_parent_that_is_killed(servers: RedisServers, tmp_path: Path) -> None:
    """When its parent is killed the observer ends by itself, and its files are whole."""
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert parent.stdin
    assert parent.stdout
    with parent:
        pid = int(parent.stdout.readline())
        parent.stdin.write(order_for(servers, tmp_path).model_dump_json() + "\n")
        parent.stdin.flush()
        while '"ready"' not in parent.stdout.readline():
            assert not _is_gone(pid)
        parent.kill()
    wait_until(lambda: _is_gone(pid), "the observer has ended")
    assert _whole(tmp_path)


async def test_it_ends_when_its_input_is_closed(watching: Callable[..., Watch]) -> None:
    """Closing the life pipe ends the observer without a failure, and its files are whole."""
    watch = watching()
    await watch.start()
    await watch.observer.end()
    assert watch.failures == []
    assert watch.directory.observer_log.read_text() == ""
    assert _whole(watch.directory.path)


async def test_it_ends_without_ever_having_had_an_order(watching: Callable[..., Watch]) -> None:
    """An observer that was only got ready ends with its pipe, and leaves no file."""
    watch = watching()
    await watch.observer.spawn()
    await watch.observer.end()
    assert watch.failures == []
    assert [path.name for path in watch.directory.path.iterdir()] == ["observer.log"]


async def test_it_ignores_an_interrupt(watching: Callable[..., Watch]) -> None:
    """An interrupt from the keyboard neither ends the observer nor stops its beats."""
    watch = watching()
    await watch.start()
    pid = watch.observer._child.pid
    assert pid
    os.kill(pid, signal.SIGINT)
    before = len(watch.rows())
    await watch.rows_until(lambda rows: len(rows) > before, "beats after the interrupt")
    totals = await watch.observer.stop()
    assert totals.beats >= len(watch.rows())
    assert watch.failures == []


async def test_a_killed_observer_is_told_of(watching: Callable[..., Watch]) -> None:
    """An observer that is killed from outside is reported as a failure."""
    watch = watching()
    await watch.start()
    pid = watch.observer._child.pid
    assert pid
    os.kill(pid, signal.SIGKILL)
    async with asyncio.timeout(20):
        while not watch.failures:
            await asyncio.sleep(0.005)
    assert "the observer" in str(watch.failures[0])


async def test_a_quiet_cluster_loses_no_beat(watching: Callable[..., Watch]) -> None:
    """Without a fault every beat is answered by its shard's master, and the shards are never told unavailable."""
    watch = watching()
    await watch.start()
    totals = await watch.observer.stop()
    rows = watch.rows()
    started = rows["sent"] > max(rows["sent"][rows["outcome"] != 0].tolist(), default=0.0)
    assert len(rows[started]) > 0
    assert {(int(row["shard"]), int(row["node"])) for row in rows[started]} == {(1, 0), (2, 1), (3, 2)}
    assert watch.seen("shard_unavailable") == []
    assert len(rows) == totals.beats


async def test_the_first_views_are_written(watching: Callable[..., Watch]) -> None:
    """Once it is ready, every node has been read: each has a first view in which it is a healthy master."""
    watch = watching()
    await watch.start()
    roles = watch.seen("roles")[-1]["roles"]
    assert roles == {"redis-1": "master", "redis-2": "master", "redis-3": "master"}
    await watch.observer.stop()
    assert {change.view.observer for change in watch.changes()} == set(roles)


async def test_a_password_is_used_and_never_written(tmp_path: Path) -> None:
    """With the password in its order the observer beats and reads a secured cluster; no file shows it."""
    servers = _secured(tmp_path)
    watch = Watch(servers, tmp_path / "run", PASSWORD)
    try:
        await watch.start()
        await watch.observer.stop()
    finally:
        await watch.observer.end()
        servers.close()
    assert (watch.rows()["outcome"] == 0).any()
    written = [path.read_bytes() for path in watch.directory.path.iterdir()]
    assert written
    assert all(PASSWORD.encode() not in text for text in written)


def _secured(directory: Path) -> RedisServers:
    """Three masters that are given a password once they are a cluster."""
    home = directory / "secured"
    home.mkdir()
    servers = RedisServers(home)
    for place in servers.places:
        assert ask(place.port, "CONFIG", "SET", "requirepass", PASSWORD) == b"OK"
    return servers
