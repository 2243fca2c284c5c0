"""What every fault owes: the same tests on each member of the family, on the driver in memory."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from chaos.cluster import Cluster
from chaos.drivers.driver import CAPABILITIES
from chaos.drivers.memory import Memory
from chaos.faults.fault import FAULTS, Fault
from chaos.model.injection import CONFIRMED, MISMATCH
from chaos.model.node import Node
from chaos.systems.system import Answer
from tests.fake.clusters import toy_cluster
from tests.runner.toy_run import play

VICTIM = "toy-2"

pytestmark = pytest.mark.parametrize("fault", [kind() for kind in FAULTS.all().values()], ids=lambda fault: fault.name)


@asynccontextmanager
async def injected(fault: Fault) -> AsyncIterator[tuple[Cluster, Node]]:
    """A cluster with the fault in force on one node."""
    async with toy_cluster() as cluster:
        node = cluster.nodes[VICTIM]
        await fault.inject(cluster, node)
        yield cluster, node


def test_it_takes_effect_and_is_undone(fault: Fault) -> None:
    """Injected, its own probe confirms it and names the node; reverted, the node answers again."""

    async def story() -> None:
        async with injected(fault) as (cluster, node):
            effect = await fault.effect(cluster, node)
            assert (effect.effect, VICTIM in effect.detail) == (CONFIRMED, True)
            assert await cluster.ask(VICTIM) is not Answer.ANSWERS
            await fault.revert(cluster, node, {})
            assert await cluster.ask(VICTIM) is Answer.ANSWERS

    play(story())


def test_the_probe_does_not_believe_in_what_was_not_done(fault: Fault) -> None:
    """Where nothing was injected, the effect is a mismatch."""

    async def story() -> None:
        async with toy_cluster() as cluster:
            assert (await fault.effect(cluster, cluster.nodes[VICTIM])).effect == MISMATCH

    play(story())


def test_reverting_twice_is_harmless(fault: Fault) -> None:
    """A second revert leaves the node as the first left it, its process included."""

    async def story() -> None:
        async with injected(fault) as (cluster, node):
            await fault.revert(cluster, node, {})
            once = await cluster.driver.state(cluster.nodes[VICTIM])
            await fault.revert(cluster, cluster.nodes[VICTIM], {})
            assert await cluster.driver.state(cluster.nodes[VICTIM]) == once

    play(story())


def test_reverting_what_was_never_injected_is_harmless(fault: Fault) -> None:
    """A revert of a fault whose maker died before making it leaves the node as it is."""

    async def story() -> None:
        async with toy_cluster() as cluster:
            before = await cluster.driver.state(cluster.nodes[VICTIM])
            await fault.revert(cluster, cluster.nodes[VICTIM], {})
            assert await cluster.driver.state(cluster.nodes[VICTIM]) == before

    play(story())


def test_another_process_can_revert_it(fault: Fault) -> None:
    """A fresh fault, made from its options, on a fresh driver that finds the nodes by label, undoes it."""

    async def story() -> None:
        async with injected(fault) as (cluster, _):
            driver = Memory(cluster.driver.label)
            nodes = await driver.attach(cluster.plan.nodes)
            later = Cluster(driver, type(cluster.system)(), cluster.plan, nodes, None)
            again = type(fault).model_validate_json(fault.model_dump_json())
            await again.revert(later, later.nodes[VICTIM], {})
            assert await later.ask(VICTIM) is Answer.ANSWERS

    play(story())


def test_only_its_node_is_hit(fault: Fault) -> None:
    """Every other node still answers."""

    async def story() -> None:
        async with injected(fault) as (cluster, _):
            others = [name for name in cluster.nodes if name != VICTIM]
            assert [await cluster.ask(name) for name in others] == [Answer.ANSWERS] * 5

    play(story())


def test_what_undoing_needs_can_be_written_down(fault: Fault) -> None:
    """What it looks at beforehand is plain data, as the ledger keeps it."""

    async def story() -> None:
        async with toy_cluster() as cluster:
            undo = await fault.prepare(cluster, cluster.nodes[VICTIM])
            assert json.loads(json.dumps(undo)) == undo

    play(story())


def test_a_person_is_told_which_node(fault: Fault) -> None:
    """The command that undoes it by hand names the node."""

    async def story() -> None:
        async with toy_cluster() as cluster:
            assert VICTIM in fault.by_hand(cluster, cluster.nodes[VICTIM])

    play(story())


def test_it_says_what_it_needs_and_how_it_is_done(fault: Fault) -> None:
    """A fault names capabilities that drivers can have, its mechanism, and what it is."""
    assert fault.needs
    assert set(fault.needs) <= set(CAPABILITIES)
    assert fault.mechanism
    assert type(fault).__doc__
