"""What every driver owes: the same tests on each member of the family."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import TypeVar

import pytest

from chaos.drivers.driver import Driver, Executing, Lifecycle, Logging, Networking, Pausing, RunLabel
from chaos.errors import NodeCallFailed
from chaos.model.node import Node
from tests.drivers.servers import (
    HERE,
    PORT,
    Servers,
    answering,
    ask,
    docker_driver,
    first_answer,
    local_driver,
    memory_driver,
    new_label,
    plans,
    start_servers,
    unreachable,
)

Capability = TypeVar("Capability")
Opener = Callable[[RunLabel], AbstractAsyncContextManager[Driver]]

OPENERS: dict[str, Opener] = {"docker": docker_driver, "local": local_driver, "memory": memory_driver}
"""How each driver under test is opened on this machine. A new driver is one more line."""


@pytest.fixture(params=[pytest.param("docker", marks=pytest.mark.engine), *sorted(OPENERS.keys() - {"docker"})])
def opener(request: pytest.FixtureRequest) -> Opener:
    return OPENERS[request.param]


@pytest.fixture
async def driver(opener: Opener) -> AsyncIterator[Driver]:
    async with opener(new_label()) as opened:
        yield opened


@pytest.fixture
async def one(driver: Driver) -> Servers:
    return await start_servers(driver)


def able(servers: Servers, capability: type[Capability]) -> tuple[Capability, Node]:
    """The driver as one of its capabilities, and its only node."""
    assert isinstance(servers.driver, capability), f"{servers.driver.name} lacks {capability.__name__}"
    return servers.driver, servers.nodes[0]


async def test_nodes_come_up_in_the_order_given(driver: Driver) -> None:
    """Nodes are returned in the order of their plans, running and on their network."""
    servers = await start_servers(driver, count=3)
    assert [node.name for node in servers.nodes] == ["redis-1", "redis-2", "redis-3"]
    states = [await driver.state(node) for node in servers.nodes]
    assert all(state.exists and state.running and state.connected and not state.paused for state in states)


async def test_a_dry_reservation_leaves_nothing(driver: Driver) -> None:
    """A dry reservation names a place of its own for every node and makes nothing."""
    site = await driver.reserve(HERE, ["redis-1", "redis-2"], PORT, dry=True)
    assert [place.node for place in site.places] == ["redis-1", "redis-2"]
    assert len({(place.host, place.port) for place in site.places}) == 2
    assert driver.label not in [remains.label for remains in await driver.remains()]


async def test_files_are_there_before_the_server_starts(driver: Driver) -> None:
    """A server obeys the configuration file of its plan from its first answer on."""
    site = await driver.reserve(HERE, ["redis-1"], PORT, dry=False)
    server = await driver.identify(HERE, fetch=True)
    (node,) = await driver.up(plans(site, config={"requirepass": "secret"}), server)
    assert "NOAUTH" in await first_answer(node)


async def test_a_node_that_cannot_start_is_named(driver: Driver) -> None:
    """If one node cannot start, the build fails with its name and the cause, and a tear-down leaves nothing."""
    site = await driver.reserve(HERE, ["redis-1", "redis-2"], PORT, dry=False)
    server = await driver.identify(HERE, fetch=True)
    good, bad = plans(site)
    bad = bad.model_copy(update={"command": ("no-such-server",)})
    with pytest.raises(NodeCallFailed, match=r"redis-2.*no-such-server"):
        await driver.up([good, bad], server)
    assert await driver.down() == []
    assert driver.label not in [remains.label for remains in await driver.remains()]


async def test_a_killed_node_is_dead(one: Servers) -> None:
    """A killed node exists, does not run and refuses connections."""
    lifecycle, node = able(one, Lifecycle)
    await lifecycle.kill(node, "KILL")
    state = await one.driver.state(node)
    assert (state.exists, state.running, state.pid) == (True, False, None)
    assert await unreachable(node)


async def test_a_dead_node_cannot_be_killed(one: Servers) -> None:
    """Killing a node that does not run is an error: nothing would be injected."""
    lifecycle, node = able(one, Lifecycle)
    await lifecycle.kill(node, "KILL")
    with pytest.raises(NodeCallFailed, match="redis-1"):
        await lifecycle.kill(node, "KILL")


async def test_a_node_started_again_has_its_data(one: Servers) -> None:
    """A node that was killed and started has its address and its acknowledged writes."""
    lifecycle, node = able(one, Lifecycle)
    assert await ask(node, "SET", "k", "kept") == "+OK"
    await lifecycle.kill(node, "KILL")
    again = await lifecycle.start(node)
    await answering(again)
    assert again.plan == node.plan
    assert await ask(again, "GET", "k") == "kept"


async def test_starting_a_running_node_is_harmless(one: Servers) -> None:
    """A running node that is started stays the same process."""
    lifecycle, node = able(one, Lifecycle)
    assert await lifecycle.start(node) == node


async def test_erased_data_is_gone(one: Servers) -> None:
    """A dead node whose data was erased comes back empty, at its address."""
    lifecycle, node = able(one, Lifecycle)
    assert await ask(node, "SET", "k", "doomed") == "+OK"
    await lifecycle.kill(node, "KILL")
    await lifecycle.erase_data(node)
    again = await lifecycle.start(node)
    await answering(again)
    assert await ask(again, "GET", "k") == "$-1"


async def test_the_data_of_a_running_node_is_not_erased(one: Servers) -> None:
    """Erasing the data of a running node is refused."""
    lifecycle, node = able(one, Lifecycle)
    with pytest.raises(NodeCallFailed, match="redis-1"):
        await lifecycle.erase_data(node)


async def test_a_paused_node_is_silent_until_resumed(one: Servers) -> None:
    """A paused node runs and answers nothing; resumed it answers again."""
    pausing, node = able(one, Pausing)
    await pausing.pause(node)
    state = await one.driver.state(node)
    assert (state.running, state.paused) == (True, True)
    with pytest.raises(TimeoutError):
        await ask(node, "PING", timeout_seconds=0.3)
    await pausing.resume(node)
    await answering(node)
    assert not (await one.driver.state(node)).paused


async def test_resuming_twice_is_harmless(one: Servers) -> None:
    """A node that is not paused can be resumed."""
    pausing, node = able(one, Pausing)
    await pausing.resume(node)
    assert await ask(node, "PING") == "+PONG"


async def test_a_disconnected_node_runs_unreached_until_connected(one: Servers) -> None:
    """A disconnected node is the same process, out of reach; connected, it answers at its address."""
    networking, node = able(one, Networking)
    await networking.disconnect(node)
    state = await one.driver.state(node)
    assert (state.running, state.connected, state.pid) == (True, False, node.pid)
    assert await unreachable(node)
    await networking.connect(node)
    await answering(node)
    assert (await one.driver.state(node)).connected


async def test_connecting_twice_is_harmless(one: Servers) -> None:
    """A connected node can be connected."""
    networking, node = able(one, Networking)
    await networking.connect(node)
    assert await ask(node, "PING") == "+PONG"


async def test_a_command_inside_a_node_gives_code_and_output(one: Servers) -> None:
    """A command's exit code and output come back, for success and failure."""
    executing, node = able(one, Executing)
    assert await executing.execute(node, ["redis-cli", "-p", str(node.plan.place.server_port or PORT), "ping"]) == (
        0,
        "PONG\n",
    )
    code, output = await executing.execute(node, ["redis-cli", "-p", "1", "ping"])
    assert code != 0
    assert "refused" in output


async def test_a_command_that_takes_too_long_is_given_up(one: Servers) -> None:
    """A command that outlives its time is an error that says so."""
    executing, node = able(one, Executing)
    with pytest.raises(NodeCallFailed, match=r"0\.2 s"):
        await executing.execute(node, ["sleep", "5"], timeout_seconds=0.2)


async def test_logs_outlive_the_process(one: Servers) -> None:
    """What a server wrote can be read after it was killed."""
    logging, node = able(one, Logging)
    lifecycle, _ = able(one, Lifecycle)
    await lifecycle.kill(node, "KILL")
    assert "Ready to accept connections" in await logging.logs(node)


async def test_another_process_finds_the_nodes(opener: Opener, driver: Driver) -> None:
    """A second driver with the same label finds the same nodes by their plans and leaves out one that is gone."""
    servers = await start_servers(driver, count=2)
    gone = servers.plans[1].model_copy(update={"name": "redis-3"})
    async with opener(driver.label) as second:
        assert await second.attach([*servers.plans, gone]) == list(servers.nodes)


async def test_remains_are_found_and_removed_in_any_state(driver: Driver) -> None:
    """Running, dead, paused and disconnected nodes are all listed by label, and a tear-down leaves nothing."""
    servers = await start_servers(driver, count=4)
    _, dead, paused, cut = servers.nodes
    assert isinstance(driver, Lifecycle)
    assert isinstance(driver, Pausing)
    assert isinstance(driver, Networking)
    await driver.kill(dead, "KILL")
    await driver.pause(paused)
    await driver.disconnect(cut)
    (found,) = [remains for remains in await driver.remains() if remains.label == driver.label]
    assert len(found.nodes) == 4
    assert await driver.down() == []
    assert driver.label not in [remains.label for remains in await driver.remains()]
    assert not (await driver.state(paused)).exists


async def test_a_second_tear_down_is_harmless(driver: Driver) -> None:
    """Tearing down what is already gone leaves nothing and raises nothing."""
    await start_servers(driver)
    assert await driver.down() == []
    assert await driver.down() == []


async def test_two_runs_do_not_touch_each_other(opener: Opener, one: Servers) -> None:
    """Two runs at once have places of their own, and the tear-down of one leaves the other running."""
    async with opener(new_label()) as other:
        others = await start_servers(other)
        assert others.site.places[0].host != one.site.places[0].host or (
            others.site.places[0].port != one.site.places[0].port
        )
    assert await ask(one.nodes[0], "PING") == "+PONG"
