"""The driver of local processes, beyond what every driver owes."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from chaos.drivers import _local_process as processes
from chaos.drivers import _local_registry as registry
from chaos.drivers.driver import Networking, RunLabel
from chaos.drivers.local import Local
from chaos.errors import EnvironmentLacks, NodeCallFailed
from chaos.scenario.language import ClusterSpec, NetworkSpec
from tests.drivers.servers import PORT, answering, ask, local_driver, new_label, plans, start_servers

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 20.0


@pytest.fixture
async def plain() -> AsyncIterator[Local]:
    """A driver of which nobody has asked for anything but processes."""
    label = new_label()
    async with local_driver(label) as driver:
        assert isinstance(driver, Local)
        driver.prepare_for(())
        yield driver


async def gone(pids: Sequence[int]) -> bool:
    """Waits until no process has any of these numbers."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while any(processes.look(pid) for pid in pids):
            await asyncio.sleep(0.01)
    return True


async def test_without_network_faults_nothing_stands_before_a_server(plain: Local) -> None:
    """Where no fault touches the network, clients speak to the server itself; else a proxy is named as the reason."""
    site = await plain.reserve(ClusterSpec(), ["redis-1"], PORT, dry=True)
    assert [place.server_port for place in site.places] == [place.port for place in site.places]
    async with local_driver(new_label()) as proxied:
        site = await proxied.reserve(ClusterSpec(), ["redis-1"], PORT, dry=True)
        assert "proxy" in site.reach_reason
        assert site.places[0].server_port != site.places[0].port


async def test_a_network_fault_without_proxies_is_refused(plain: Local) -> None:
    """A node that nobody prepared for it cannot be disconnected."""
    servers = await start_servers(plain)
    with pytest.raises(NodeCallFailed, match="no proxy"):
        await plain.disconnect(servers.nodes[0])


@pytest.mark.parametrize(
    "network", [NetworkSpec(subnet="198.18.7.0/24"), NetworkSpec(internal=True)], ids=["subnet", "internal"]
)
async def test_a_network_that_only_containers_have_is_refused(plain: Local, network: NetworkSpec) -> None:
    """A subnet or an internal network cannot be had on a loopback; the refusal names the driver that has it."""
    with pytest.raises(EnvironmentLacks, match="'docker' has one"):
        await plain.reserve(ClusterSpec(network=network), ["redis-1"], PORT, dry=True)


async def test_a_server_that_ends_at_once_is_quoted(plain: Local) -> None:
    """A server that does not like its configuration fails the build with its own last words."""
    site = await plain.reserve(ClusterSpec(), ["redis-1"], PORT, dry=False)
    server = await plain.identify(ClusterSpec(), fetch=True)
    with pytest.raises(NodeCallFailed, match=r"start redis-1: it ended at once; its last words: .*no-such-word"):
        await plain.up(plans(site, config={"no-such-word": "1"}), server)


async def test_nobody_else_may_read_what_a_node_has_on_disk(plain: Local) -> None:
    """Configuration files can hold a password: only the run's own user gets at them."""
    await start_servers(plain)
    assert stat.S_IMODE(Path(plain.label.run_directory, "nodes").stat().st_mode) == 0o700


async def test_only_the_loopback_is_listened_on(plain: Local) -> None:
    """The ports of a node lie on 127.0.0.1."""
    servers = await start_servers(plain)
    assert {place.reach_host for place in servers.site.places} == {"127.0.0.1"}


async def test_the_run_leaves_only_logs(plain: Local) -> None:
    """After the tear-down the nodes' folders are gone and what they said is kept."""
    await start_servers(plain, count=2)
    assert await plain.down() == []
    directory = Path(plain.label.run_directory)
    assert not (directory / "nodes").exists()
    assert "Ready to accept connections" in (directory / "logs" / "redis-2.log").read_text()
    assert registry.read(plain.label.run_id) is None


async def test_the_log_of_an_earlier_life_is_kept(plain: Local) -> None:
    """A node that was started again goes on in the same log."""
    [node] = (await start_servers(plain)).nodes
    await plain.kill(node, "KILL")
    await answering(await plain.start(node))
    assert (await plain.logs(node)).count("Ready to accept connections") == 2


async def test_servers_that_were_not_taken_down_live_on() -> None:
    """A driver that is closed without a tear-down leaves its nodes running; another one finds and removes them."""
    label = new_label()
    first = Local(label)
    Path(label.run_directory).mkdir()
    servers = await start_servers(first, count=2)
    await first.close()
    async with local_driver(label) as second:
        [found] = [one for one in await second.remains() if one.label == label]
        assert found.nodes == ("redis-1", "redis-2")
        nodes = await second.attach(servers.plans)
        assert nodes == list(servers.nodes)
        assert await ask(nodes[1], "PING") == "+PONG"
        assert await second.down() == []
        assert await gone([node.pid for node in nodes if node.pid])


async def test_another_process_can_mend_a_cut() -> None:
    """A node that was cut off by one process is connected again by another one."""
    async with local_driver(new_label()) as first:
        servers = await start_servers(first)
        assert isinstance(first, Local)
        await first.disconnect(servers.nodes[0])
        second = Local(first.label)
        [node] = await second.attach(servers.plans)
        assert not (await second.state(node)).connected
        await second.connect(node)
        assert await ask(node, "PING") == "+PONG"
        await second.close()


async def test_a_killed_harness_takes_everything_along(tmp_path: Path) -> None:
    """After kill -9 of the harness its servers end, one paused and one cut off too, and nothing is left on disk."""
    label, directory = new_label(), tmp_path / "run"
    command = [sys.executable, "-m", "tests.drivers.abandoned_run", label.run_id, str(directory)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as harness:
        assert harness.stdout is not None
        pids = json.loads(harness.stdout.readline())
        assert all(processes.look(pid) for pid in pids)
        harness.kill()
    assert await gone(pids)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (directory / "nodes").exists() or registry.read(label.run_id):
            await asyncio.sleep(0.01)


async def test_dead_proxies_are_reported() -> None:
    """Proxies that ended by themselves are named at the tear-down: what was measured cannot be trusted."""
    label = new_label()
    driver = Local(label)
    Path(label.run_directory).mkdir()
    driver.prepare_for((Networking,))
    await start_servers(driver)
    known = registry.read(label.run_id)
    assert known is not None
    assert known.proxies is not None
    os.kill(known.proxies.pid, 9)
    assert await processes.ended(known.proxies)
    [left] = await driver.down()
    assert "proxies before the nodes ended by themselves" in left
    await driver.close()
    shutil.rmtree(label.run_directory)


async def test_the_registry_must_be_writable(plain: Local, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What is started must be written down first; where it cannot be, nothing starts and the way out is named."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    site = await plain.reserve(ClusterSpec(), ["redis-1"], PORT, dry=False)
    server = await plain.identify(ClusterSpec(), fetch=True)
    with pytest.raises(EnvironmentLacks, match="XDG_STATE_HOME"):
        await plain.up(plans(site), server)


async def test_a_strangers_handle_is_left_alone(plain: Local) -> None:
    """A node whose handle is not this run's is touched by no call."""
    [node] = (await start_servers(plain)).nodes
    other = Local(RunLabel("other", "test-host", "/nowhere"))
    with pytest.raises(NodeCallFailed, match="left alone"):
        await other.kill(node, "KILL")


async def test_a_missing_program_ends_as_in_a_shell(plain: Local) -> None:
    """A command that is not there gives 127 and its name."""
    [node] = (await start_servers(plain)).nodes
    code, said = await plain.execute(node, ["no-such-program"])
    assert (code, "no-such-program" in said) == (127, True)
