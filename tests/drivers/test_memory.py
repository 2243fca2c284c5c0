"""The driver in memory, beyond what every driver owes."""

from __future__ import annotations

import pytest

from chaos.drivers.driver import CAPABILITIES, RunLabel
from chaos.drivers.memory import Memory
from chaos.errors import EnvironmentLacks, NodeCallFailed
from chaos.fake.world import WORLD
from chaos.model.node import Node
from chaos.scenario.language import ClusterSpec, NetworkSpec
from tests.drivers.servers import PORT, memory_driver, new_label, start_servers
from tests.runner.toy_run import play

FIXED = ClusterSpec(network=NetworkSpec(subnet="198.18.200.0/24", first_host=21))


def test_it_has_every_capability() -> None:
    """Every fault that some driver can make can be made in memory."""
    assert all(isinstance(Memory(new_label()), capability) for capability in CAPABILITIES)


def test_nodes_stand_where_they_are_wanted() -> None:
    """A fixed subnet and first host give the nodes their addresses, in order."""

    async def story() -> None:
        async with memory_driver(new_label()) as driver:
            site = await driver.reserve(FIXED, ["a", "b"], PORT, dry=False)
            assert [place.host for place in site.places] == ["198.18.200.21", "198.18.200.22"]

    play(story())


def test_a_taken_subnet_is_refused() -> None:
    """A subnet that another run has reserved is not given twice."""

    async def story() -> None:
        async with memory_driver(new_label()) as first, memory_driver(new_label()) as second:
            await first.reserve(FIXED, ["a"], PORT, dry=False)
            with pytest.raises(EnvironmentLacks, match=first.label.run_id):
                await second.reserve(FIXED, ["a"], PORT, dry=False)

    play(story())


def test_a_stranger_is_left_alone() -> None:
    """A handle that leads to another run's machine is refused by every call, and the machine is untouched."""

    async def story() -> None:
        async with memory_driver(new_label()) as driver:
            [node] = (await start_servers(driver)).nodes
            other = Memory(RunLabel("another-run", "test-host", "/"))
            for call in (other.pause, other.disconnect, other.start, other.state):
                with pytest.raises(NodeCallFailed, match="not redis-1 of this run"):
                    await call(node)
            machine = WORLD.with_handle(node.handle)
            assert machine is not None
            assert machine.well

    play(story())


def test_a_node_that_is_gone_is_named() -> None:
    """A call to a node whose machine was removed says which one it was."""

    async def story() -> None:
        async with memory_driver(new_label()) as driver:
            [node] = (await start_servers(driver)).nodes
            gone = Node(node.plan, "machine-0", None)
            assert isinstance(driver, Memory)
            with pytest.raises(NodeCallFailed, match="redis-1 is gone"):
                await driver.resume(gone)
            assert not (await driver.state(gone)).exists

    play(story())


def test_nothing_runs_in_a_paused_node() -> None:
    """A command inside a paused node fails, as it does in a frozen container."""

    async def story() -> None:
        async with memory_driver(new_label()) as driver:
            [node] = (await start_servers(driver)).nodes
            assert isinstance(driver, Memory)
            await driver.pause(node)
            with pytest.raises(NodeCallFailed, match="paused"):
                await driver.execute(node, ["redis-cli", "ping"])

    play(story())
