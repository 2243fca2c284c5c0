"""What every system owes: the same tests on each member of the family, on a cluster that is formed once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy
import pytest

from chaos.analysis.convergence import convergence_shortcomings, redundancy_shortcomings
from chaos.clock import VirtualTimeLoop
from chaos.cluster import Cluster
from chaos.drivers.driver import Driver, Executing, Lifecycle, Logging, RunLabel
from chaos.model.operation import FINAL_READ_FIELDS
from chaos.model.view import MASTER, resolve
from chaos.scenario.language import ClusterSpec, Scenario
from chaos.systems.system import SYSTEMS, Answer
from tests.drivers.servers import HERE, docker_driver, memory_driver, new_label
from tests.fake.clusters import form

Result = TypeVar("Result")
OpenDriver = Callable[[RunLabel], AbstractAsyncContextManager[Driver]]


@dataclass(frozen=True)
class Kind:
    """On which ground a system is tested, and on which clock."""

    driver: OpenDriver
    loop: Callable[[], asyncio.AbstractEventLoop]
    spec: ClusterSpec


KINDS = {
    "toy": Kind(memory_driver, VirtualTimeLoop, ClusterSpec()),
    "redis-cluster": Kind(docker_driver, asyncio.SelectorEventLoop, HERE),
}
"""How each system is tested. A new system is one more line."""


@dataclass(frozen=True)
class Formed:
    """A formed cluster, and the loop in which it lives."""

    cluster: Cluster
    runner: asyncio.Runner

    def do(self, work: Coroutine[Any, Any, Result]) -> Result:
        return self.runner.run(work)


@pytest.fixture(
    scope="module",
    params=[pytest.param(name, marks=[] if name == "toy" else pytest.mark.engine) for name in sorted(KINDS)],
)
def formed(request: pytest.FixtureRequest) -> Iterator[Formed]:
    kind, stack = KINDS[request.param], AsyncExitStack()

    async def begin() -> Cluster:
        driver = await stack.enter_async_context(kind.driver(new_label()))
        spec = kind.spec.model_copy(update={"system": request.param, "shards": 3, "replicas": 1})
        cluster = await form(driver, Scenario(name="conformance", cluster=spec))
        stack.push_async_callback(cluster.system.close)
        return cluster

    with asyncio.Runner(loop_factory=kind.loop) as runner:
        try:
            yield Formed(runner.run(begin()), runner)
        finally:
            runner.run(stack.aclose())


def test_every_system_is_tested() -> None:
    """No system is without a ground to be tested on."""
    assert set(KINDS) == set(SYSTEMS.names())


def test_the_plan_has_every_node(formed: Formed) -> None:
    """Each named node is planned once, with a place, a shard, a member id of its own and a command."""
    plan, system = formed.cluster.plan, formed.cluster.system
    spec = ClusterSpec.model_validate(plan.defaults["cluster"])
    assert tuple(node.name for node in plan.nodes) == system.node_names(spec)
    assert len({node.member_id for node in plan.nodes}) == 6
    assert {node.shard for node in plan.nodes} == {1, 2, 3}
    assert all(node.command and node.place == plan.site.place(node.name) for node in plan.nodes)


def test_the_same_specification_gives_the_same_plan(formed: Formed) -> None:
    """Planning draws nothing: the same cluster is planned twice alike."""
    plan, system = formed.cluster.plan, formed.cluster.system
    spec = ClusterSpec.model_validate(plan.defaults["cluster"])
    again = system.plan(spec, plan.site, plan.server, secured=False, run_id=plan.run_id)
    assert (again.nodes, dict(again.shard_slots), again.settings) == (plan.nodes, plan.shard_slots, plan.settings)


def test_a_formed_cluster_is_as_planned(formed: Formed) -> None:
    """Right after forming every node answers, is in its role, says ok, and every replica is linked."""
    views = formed.do(formed.cluster.system.views(formed.cluster))
    assert {view.observer: view.itself.role for view in views if view.itself} == {
        node.name: node.role for node in formed.cluster.plan.nodes
    }
    assert {view.state for view in views} == {"ok"}
    assert redundancy_shortcomings({view.observer: view for view in views}, formed.cluster.plan) == []


def test_it_converges(formed: Formed) -> None:
    """Before long all views agree, and nothing is odd in any."""

    async def shortcomings() -> list[str]:
        cluster, found = formed.cluster, ["not looked yet"]
        async with asyncio.timeout(20):
            while found:
                views = await cluster.system.views(cluster)
                found = convergence_shortcomings({view.observer: view for view in views}, cluster.plan)
                await asyncio.sleep(0.1)
        return found

    assert formed.do(shortcomings()) == []


def test_masters_are_read_from_the_live_cluster(formed: Formed) -> None:
    """Each shard's planned master owns it, and its planned replica follows."""
    cluster = formed.cluster
    live = resolve(formed.do(cluster.system.views(cluster)), cluster.plan.shard_slots, cluster.nodes)
    planned = {node.shard: node.name for node in cluster.plan.nodes if node.role == MASTER}
    assert live.masters == planned
    assert all(len(replicas) == 1 for replicas in live.replicas.values())


def test_every_node_answers_a_stranger(formed: Formed) -> None:
    """A plain question to any node is answered, from outside and from within."""
    cluster = formed.cluster
    assert isinstance(cluster.driver, Executing)
    for name, node in cluster.nodes.items():
        assert formed.do(cluster.ask(name)) is Answer.ANSWERS
        assert formed.do(cluster.system.ask_inside(cluster, node))


def test_a_live_node_states_its_version(formed: Formed) -> None:
    """The version is that of the running server, in numbers."""
    assert formed.do(formed.cluster.system.version(formed.cluster))[0].isdigit()


def test_final_reads_have_every_key_once(formed: Formed) -> None:
    """Every key of a load is read, in order; in an untouched store all are absent."""
    cluster = formed.cluster
    raw = formed.do(cluster.system.final_reads(cluster, 50))
    rows = numpy.frombuffer(raw, dtype=numpy.dtype(list(FINAL_READ_FIELDS)))
    assert sorted(rows["key"]) == list(range(50))
    assert set(rows["sequence"]) == {0}


def test_every_shard_has_a_canary_of_its_own(formed: Formed) -> None:
    """There is one canary key a shard, each another."""
    keys = formed.cluster.system.canary_keys(formed.cluster.plan.shard_slots)
    assert set(keys) == {1, 2, 3}
    assert len(set(keys.values())) == 3


def test_the_log_of_a_node_can_be_read(formed: Formed) -> None:
    """A node's log tells at least that its server has started; every event is the node's own."""
    cluster = formed.cluster
    assert isinstance(cluster.driver, Logging)
    name = cluster.plan.nodes[0].name
    said = formed.do(cluster.driver.logs(cluster.nodes[name]))
    events = cluster.system.read_log(cluster.plan, name, said, 0.0)
    assert "started" in [event.kind for event in events]
    assert {event.node for event in events} == {name}


def test_a_prediction_is_an_interval(formed: Formed) -> None:
    """What is predicted for a master's death begins before it ends, and its rule is named."""
    predicted = formed.cluster.system.predict(formed.cluster.plan, None)
    assert predicted is None or (0 < predicted.low <= predicted.high and predicted.basis)


def test_a_dead_node_is_seen_to_be(formed: Formed) -> None:
    """A killed node refuses strangers, its view is unreachable, and started again it answers."""
    cluster, name = formed.cluster, formed.cluster.plan.nodes[-1].name

    async def story() -> None:
        lifecycle = cluster.can(Lifecycle)
        await lifecycle.kill(cluster.nodes[name], "KILL")
        assert await cluster.ask(name) in (Answer.REFUSES, Answer.UNREACHABLE)
        unreachable = [view.observer for view in await cluster.system.views(cluster) if not view.reachable]
        assert unreachable == [name]
        cluster.replace(await lifecycle.start(cluster.nodes[name]))
        async with asyncio.timeout(20):
            while await cluster.ask(name) is not Answer.ANSWERS:
                await asyncio.sleep(0.02)

    formed.do(story())
