"""The faults on a real cluster: each does what it says, is seen by its own probe only, and is undone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import get_args

import pytest
import pytest_asyncio

from chaos.cluster import Cluster
from chaos.errors import NodeCallFailed
from chaos.faults.disconnect import Disconnect
from chaos.faults.fault import FAULTS, Effect, Fault, seen_soon
from chaos.faults.kill import Kill
from chaos.faults.pause import Pause
from chaos.model.injection import CONFIRMED, MISMATCH
from chaos.model.node import Node
from chaos.systems.system import Answer
from tests.systems.forming import formed, inside, spec_of

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="module")]
REPLICA = "redis-4"
EVERY_FAULT: tuple[Fault, ...] = (Kill(), Pause(), Disconnect())


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cluster() -> AsyncIterator[Cluster]:
    """A cluster whose nodes are never failed over here. Tests leave it as they found it."""
    config = {"cluster-node-timeout": "60000", "appendonly": "yes"}
    async with formed(spec_of(config=config)) as made:
        yield made


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while not await condition():
            await asyncio.sleep(0.01)


async def serving(cluster: Cluster, name: str) -> None:
    """Waits until a node answers a stranger, its data loaded."""

    async def pongs() -> bool:
        return await cluster.ask(name) is Answer.ANSWERS and await inside(cluster, name, "PING") == "PONG\n"

    await until(pongs)


@asynccontextmanager
async def injected(cluster: Cluster, fault: Fault, name: str = REPLICA) -> AsyncIterator[Node]:
    """A node under a fault, which is reverted at the end."""
    node = cluster.nodes[name]
    undo = await fault.prepare(cluster, node)
    await fault.inject(cluster, node)
    try:
        yield node
    finally:
        await fault.revert(cluster, node, undo)
        await serving(cluster, name)


@pytest.mark.parametrize("fault", EVERY_FAULT, ids=lambda fault: fault.name)
async def test_its_effect_is_confirmed(cluster: Cluster, fault: Fault) -> None:
    """After the injection the fault's own probe confirms it on the node and says what it saw."""
    async with injected(cluster, fault) as node:
        effect = await fault.effect(cluster, node)
        assert effect.effect == CONFIRMED
        assert effect.detail.startswith(f"{REPLICA} ")


@pytest.mark.parametrize("fault", EVERY_FAULT, ids=lambda fault: fault.name)
async def test_reverting_brings_the_same_node_back(cluster: Cluster, fault: Fault) -> None:
    """Reverted, the node answers at its address as the same member, and is on its network."""
    before = await inside(cluster, REPLICA, "CLUSTER", "MYID")
    async with injected(cluster, fault):
        pass
    assert await cluster.ask(REPLICA) is Answer.ANSWERS
    assert await inside(cluster, REPLICA, "CLUSTER", "MYID") == before
    state = await cluster.driver.state(cluster.nodes[REPLICA])
    assert state.running
    assert state.connected
    assert not state.paused


@pytest.mark.parametrize("fault", EVERY_FAULT, ids=lambda fault: fault.name)
async def test_reverting_again_changes_nothing(cluster: Cluster, fault: Fault) -> None:
    """A second revert, and one on a node that nothing was done to, leave the same process serving."""
    async with injected(cluster, fault):
        pass
    node = cluster.nodes[REPLICA]
    await fault.revert(cluster, node, {})
    await fault.revert(cluster, cluster.nodes["redis-5"], {})
    assert cluster.nodes[REPLICA] == node
    assert await cluster.ask(REPLICA) is Answer.ANSWERS


async def test_nothing_done_is_a_mismatch_for_every_probe(cluster: Cluster) -> None:
    """On a healthy node no fault's probe confirms anything."""
    effects = await asyncio.gather(*(fault.effect(cluster, cluster.nodes[REPLICA]) for fault in EVERY_FAULT))
    assert {effect.effect for effect in effects} == {MISMATCH}


@pytest.mark.parametrize("fault", EVERY_FAULT, ids=lambda fault: fault.name)
async def test_another_fault_is_a_mismatch(cluster: Cluster, fault: Fault) -> None:
    """Under one fault the probes of the others do not take it for theirs."""
    others = [other for other in EVERY_FAULT if other is not fault]
    async with injected(cluster, fault) as node:
        effects = await asyncio.gather(*(other.effect(cluster, node) for other in others))
    assert [effect.effect for effect in effects] == [MISMATCH, MISMATCH]


@pytest.mark.parametrize("signal", get_args(Kill.model_fields["signal"].annotation))
async def test_a_kill_may_be_any_signal(cluster: Cluster, signal: str) -> None:
    """Each signal offered really ends the server, which is confirmed."""
    fault = Kill.model_validate({"signal": signal})
    async with injected(cluster, fault) as node:
        assert (await fault.effect(cluster, node)).effect == CONFIRMED


async def test_a_killed_node_keeps_its_disk(cluster: Cluster) -> None:
    """A master that is killed and started again has its data and its id."""
    key = cluster.system.canary_keys(cluster.plan.shard_slots)[1]
    await inside(cluster, "redis-1", "SET", key, "kept")
    member = await inside(cluster, "redis-1", "CLUSTER", "MYID")
    async with injected(cluster, Kill(), "redis-1"):
        pass

    async def kept() -> bool:  # a master that has started refuses everything for two seconds
        return await inside(cluster, "redis-1", "GET", key) == "kept\n"

    await until(kept)
    assert await inside(cluster, "redis-1", "CLUSTER", "MYID") == member


async def test_an_emptied_disk_is_empty() -> None:
    """A master killed with its disk emptied comes back at its address, with no key and with an id of its own making."""
    async with formed(spec_of(replicas=0, config={"appendonly": "yes"})) as own:
        key = own.system.canary_keys(own.plan.shard_slots)[1]
        await inside(own, "redis-1", "SET", key, "doomed")
        assert await inside(own, "redis-1", "DBSIZE") == "1\n"
        async with injected(own, Kill(disk="emptied"), "redis-1"):
            pass
        assert await inside(own, "redis-1", "DBSIZE") == "0\n"
        assert (await inside(own, "redis-1", "CLUSTER", "MYID")).strip() != own.plan.node("redis-1").member_id


async def test_reverting_twice_never_empties_a_disk_in_use() -> None:
    """A second revert of a kill with its disk emptied finds the node running and leaves its data alone."""
    async with formed(spec_of(replicas=0, config={"appendonly": "yes"})) as own:
        fault = Kill(disk="emptied")
        key = own.system.canary_keys(own.plan.shard_slots)[1]
        await inside(own, "redis-1", "SET", key, "safe")
        await fault.revert(own, own.nodes["redis-1"], {})
        assert await inside(own, "redis-1", "DBSIZE") == "1\n"


async def test_a_returned_node_has_its_new_process(cluster: Cluster) -> None:
    """After a kill is reverted the cluster knows the node's new process id."""
    before = cluster.nodes[REPLICA].pid
    async with injected(cluster, Kill()):
        pass
    after = cluster.nodes[REPLICA]
    assert after.pid != before
    assert after.pid == (await cluster.driver.state(after)).pid


async def test_a_dead_node_cannot_be_killed_again(cluster: Cluster) -> None:
    """A kill of a node that does not run is an error: nothing would be injected."""
    async with injected(cluster, Kill()) as node:
        with pytest.raises(NodeCallFailed, match=REPLICA):
            await Kill().inject(cluster, node)


@pytest.mark.parametrize(
    ("fault", "command"),
    [(Kill(), "docker start"), (Pause(), "docker unpause"), (Disconnect(), "docker network connect")],
)
async def test_each_can_be_undone_by_hand(cluster: Cluster, fault: Fault, command: str) -> None:
    """Each fault names the command that undoes it without the harness, with the node in it."""
    said = fault.by_hand(cluster, cluster.nodes[REPLICA])
    assert said.startswith(command)
    assert REPLICA in said


async def test_an_effect_that_shows_late_is_confirmed() -> None:
    """A probe is asked again until it confirms."""
    looks: list[int] = []

    async def third_time() -> Effect:
        looks.append(1)
        return Effect.of(len(looks) == 3, f"look {len(looks)}")

    assert (await seen_soon(third_time, 20.0)).detail == "look 3"


async def test_an_effect_that_never_shows_is_a_mismatch() -> None:
    """When its time is up, the last look counts."""

    async def never() -> Effect:
        return Effect.of(False, "nothing")

    assert await seen_soon(never, 0.0) == Effect(effect=MISMATCH, detail="nothing")


@pytest.mark.parametrize("name", ["kill", "pause", "disconnect"])
async def test_each_is_found_by_its_name(name: str) -> None:
    """Every fault is a member of the family, says how it is done, and which capabilities it needs."""
    fault = FAULTS.get(name)
    assert fault.name == name
    assert fault.mechanism
    assert fault.needs
