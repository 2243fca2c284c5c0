"""Redis clusters on a real Docker engine, formed by the system under test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from chaos.cluster import Cluster
from chaos.drivers.docker import Docker
from chaos.model.plan import NetworkPlan, Place, RunPlan, ServerIdentity, Site
from chaos.scenario.language import ClusterSpec
from chaos.systems.redis_cluster import RedisCluster
from chaos.systems.system import SystemPlan, with_secret
from tests.drivers.servers import HERE, docker_driver, new_label

PATIENCE_SECONDS = 30.0
SERVER = ServerIdentity(asked="redis:7", used="redis:7", id="sha256:0")


def spec_of(config: Mapping[str, str | tuple[str, ...]] | None = None, **choices: Any) -> ClusterSpec:
    """A cluster of the image that is built here."""
    values = {name: (value,) if isinstance(value, str) else value for name, value in (config or {}).items()}
    return ClusterSpec.model_validate({**HERE.model_dump(), **choices, "config": values})


def site_of(nodes: int, reach_host: str | None = None) -> Site:
    """A site that no engine has set aside: addresses from 198.18.7.11 on."""
    places = tuple(
        Place(
            node=f"redis-{number}",
            host=f"198.18.7.{10 + number}",
            port=6379,
            reach_host=reach_host or f"198.18.7.{10 + number}",
            reach_port=6379 if reach_host is None else 30000 + number,
        )
        for number in range(1, nodes + 1)
    )
    network = NetworkPlan(name="chaos-test", subnet="198.18.7.0/24", gateway="198.18.7.1")
    return Site(network=network, places=places, reach="addresses")


def run_plan(
    spec: ClusterSpec, site: Site, planned: SystemPlan, run_id: str, server: ServerIdentity = SERVER
) -> RunPlan:
    """The plan of a run with this cluster and nothing else."""
    return RunPlan(
        run_id=run_id,
        scenario="test",
        system="redis-cluster",
        driver="docker",
        engine="Docker",
        server=server,
        seed=1,
        site=site,
        nodes=planned.nodes,
        shard_slots=dict(planned.shard_slots),
        settings=planned.settings,
        timeline=(),
    )


@asynccontextmanager
async def started(spec: ClusterSpec, password: str | None = None) -> AsyncIterator[Cluster]:
    """The nodes of a cluster, running and not formed; removed at the end."""
    label, system = new_label(), RedisCluster()
    async with docker_driver(label) as driver:
        assert isinstance(driver, Docker)
        site = await driver.reserve(spec, system.node_names(spec), system.port, dry=False)
        server = await driver.identify(spec, fetch=True)
        planned = system.plan(spec, site, server, secured=password is not None, run_id=label.run_id)
        plan = run_plan(spec, site, planned, label.run_id, server)
        nodes = await driver.up([with_secret(node, password) for node in plan.nodes], server)
        try:
            yield Cluster(driver, system, plan, nodes, password)
        finally:
            await system.close()


@asynccontextmanager
async def formed(spec: ClusterSpec, password: str | None = None) -> AsyncIterator[Cluster]:
    """A cluster that is formed; removed at the end."""
    async with started(spec, password) as cluster:
        await cluster.system.form(cluster, PATIENCE_SECONDS)
        yield cluster


async def inside(cluster: Cluster, node: str, *words: str) -> str:
    """What redis-cli says inside a node."""
    code, output = await cluster.execute(node, ("redis-cli", *words))
    assert code == 0, output
    return output
