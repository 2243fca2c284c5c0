"""Clusters that are formed and healthy, on whichever ground."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from secrets import token_hex

from chaos.cluster import Cluster
from chaos.drivers.driver import Driver, RunLabel
from chaos.drivers.memory import Memory
from chaos.runner.draft import draft_plan
from chaos.runner.parts import Ground, make_system
from chaos.scenario.language import ClusterSpec, Scenario

FORM_SECONDS = 30.0


async def form(driver: Driver, scenario: Scenario) -> Cluster:
    """The scenario's cluster, up and formed on an open driver, whose label names the run."""
    system = make_system(scenario)
    server = await driver.identify(scenario.cluster, fetch=True)
    ground = Ground(driver, await driver.open(), "for a test")
    plan = await draft_plan(scenario, ground, system, server, run_id=driver.label.run_id, seed=1, dry=False)
    cluster = Cluster(driver, system, plan, await driver.up(plan.nodes, server), None)
    await system.form(cluster, FORM_SECONDS)
    return cluster


def toy(config: Mapping[str, str] | None = None, shards: int = 3, replicas: int = 1) -> Scenario:
    """A scenario with nothing but a toy store."""
    words = {name: (value,) for name, value in (config or {}).items()}
    return Scenario(name="toy", cluster=ClusterSpec(system="toy", shards=shards, replicas=replicas, config=words))


@asynccontextmanager
async def toy_cluster(
    config: Mapping[str, str] | None = None, shards: int = 3, replicas: int = 1
) -> AsyncIterator[Cluster]:
    """A toy store in memory, removed at the end."""
    driver = Memory(RunLabel(run_id=f"test-{token_hex(6)}", host_id="test-host", run_directory=str(Path.cwd())))
    try:
        yield await form(driver, toy(config, shards, replicas))
    finally:
        await driver.down()


async def trouble(cluster: Cluster, what: str, node: str) -> None:
    """Kills, pauses or disconnects a node in memory."""
    driver = cluster.driver
    assert isinstance(driver, Memory)
    if what == "kill":
        await driver.kill(cluster.nodes[node], "KILL")
    elif what == "pause":
        await driver.pause(cluster.nodes[node])
    else:
        await driver.disconnect(cluster.nodes[node])
