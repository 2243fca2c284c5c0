"""The ground of one run: its network, its nodes' addresses, and how they are reached from here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from chaos.drivers import _docker_ground as ground
from chaos.drivers._docker_container import Names
from chaos.drivers._docker_engine import Engine, EngineRefused
from chaos.errors import EnvironmentLacks, UsageError
from chaos.model.plan import NetworkPlan, Place, Site
from chaos.scenario.language import ClusterSpec, NetworkSpec


@dataclass(frozen=True, slots=True)
class Reserved:
    """A site, and the host port that each node's client port is to be published at; none if no port is."""

    site: Site
    published: dict[str, int]


async def reserve(
    engine: Engine, names: Names, spec: ClusterSpec, nodes: Sequence[str], port: int, *, dry: bool
) -> Reserved:
    """Creates the run's network, unless `dry`, and gives every node its address and, where needed, its host port.

    Raises EnvironmentLacks for what is taken or cannot be reached, UsageError for an impossible network.
    """
    if not engine.facts.remote:
        ground.check_neighbour_table(len(nodes))
    network = await _network(engine, names, spec.network, len(nodes), dry=dry)
    reach, reason = await _reach(engine, spec, network, dry=dry)
    published = _free_ports(spec, nodes, network, reach, reason)
    reached_at = {node: (engine.address.host, published[node]) for node in nodes} if reach == "ports" else {}
    places = _places(spec, network, nodes, port, reached_at)
    return Reserved(Site(network=network, places=places, reach=reach, reach_reason=reason), published)


async def _network(engine: Engine, names: Names, spec: NetworkSpec, nodes: int, *, dry: bool) -> NetworkPlan:
    """Creates the network. When two runs want one subnet, the engine decides and the other takes the next."""
    taken = await _taken(engine)
    wanted = _fixed_subnet(spec)
    for subnet in [wanted] if wanted else ground.free_subnets(names.label.run_id, taken):
        other = ground.overlapping(subnet, taken)
        if other:
            raise EnvironmentLacks(f"the subnet {subnet} is taken: {other.network} belongs to {other.owner}")
        gateway = IPv4Address(spec.gateway) if spec.gateway else subnet[1]
        ground.node_addresses(subnet, gateway, spec.first_host, nodes)  # refuses what has no room for them
        plan = NetworkPlan(name=names.network, subnet=str(subnet), gateway=str(gateway), internal=spec.internal)
        if dry or await _create(engine, names, plan):
            return plan
    raise EnvironmentLacks(f"{f'the subnet {wanted}' if wanted else f'every /24 of {ground.RANGE}'} is taken")


def _fixed_subnet(spec: NetworkSpec) -> IPv4Network | None:
    """The subnet a scenario asks for; raises UsageError for one that is none, or a gateway outside of it."""
    if spec.subnet is None:
        if spec.gateway:
            raise UsageError(f"the gateway {spec.gateway} needs a `subnet` that it lies in")
        return None
    try:
        subnet = IPv4Network(spec.subnet)
        gateway = IPv4Address(spec.gateway) if spec.gateway else subnet[1]
    except (ValueError, IndexError) as error:
        raise UsageError(f"`network` is wrong: {error}") from error
    if gateway not in subnet:
        raise UsageError(f"the gateway {gateway} lies outside of the subnet {subnet}")
    return subnet


async def _taken(engine: Engine) -> list[ground.Taken]:
    """The subnets of the engine's networks, and those that this host has routes to."""
    networks = await engine.call("list networks", lambda api: api.networks(), reading=True)
    subnets = [
        (network["Name"], pool.get("Subnet") or "")
        for network in networks
        for pool in (network.get("IPAM") or {}).get("Config") or []
    ]
    ours = [
        ground.Taken(IPv4Network(subnet), f"the Docker network {name}") for name, subnet in subnets if "." in subnet
    ]
    return ours + ground.host_networks()


async def _create(engine: Engine, names: Names, plan: NetworkPlan) -> bool:
    """Whether the network could be created; False if another network has its subnet."""
    from docker.types import IPAMConfig, IPAMPool

    pool = IPAMPool(subnet=plan.subnet, gateway=plan.gateway)
    try:
        await engine.call(
            f"create the network {plan.name}",
            lambda api: api.create_network(
                plan.name,
                driver="bridge",
                ipam=IPAMConfig(pool_configs=[pool]),
                internal=plan.internal,
                labels=names.labels(),
            ),
            building=True,
        )
    except EngineRefused as refused:
        if "overlap" in refused.reason.lower():
            return False
        raise
    return True


async def _reach(engine: Engine, spec: ClusterSpec, network: NetworkPlan, *, dry: bool) -> tuple[str, str]:
    """How nodes are reached, and why: at their addresses if the network's bridge is on this host."""
    if spec.reach != "auto":
        return spec.reach, "chosen in the scenario"
    gateway = await _default_gateway(engine) if dry else network.gateway
    here = ground.is_local_address(gateway) if gateway else not engine.facts.remote
    if here:
        return "addresses", "the engine's bridges are on this host"
    return "ports", f"container addresses of {engine.facts.description} cannot be reached from this host"


async def _default_gateway(engine: Engine) -> str | None:
    """The gateway of the engine's default bridge: it can be probed without creating anything."""
    try:
        said = await engine.call("look at the default bridge", lambda api: api.inspect_network("bridge"), reading=True)
    except EngineRefused:  # an engine may run without one
        return None
    pools = (said.get("IPAM") or {}).get("Config") or []
    return next((str(pool["Gateway"]) for pool in pools if "." in pool.get("Gateway", "")), None)


def _free_ports(
    spec: ClusterSpec, nodes: Sequence[str], network: NetworkPlan, reach: str, reason: str
) -> dict[str, int]:
    """Node → host port. They are fixed now: a port that the engine chooses changes when a node comes back."""
    if reach == "addresses" and not spec.publish:
        return {}
    if network.internal:
        why = "`publish` asks for it" if spec.publish else reason
        raise EnvironmentLacks(f"ports of an internal network cannot be published ({why})")
    return dict(zip(nodes, ground.free_ports(len(nodes)), strict=True))


def _places(
    spec: ClusterSpec,
    network: NetworkPlan,
    nodes: Sequence[str],
    port: int,
    reached_at: Mapping[str, tuple[str, int]],
) -> tuple[Place, ...]:
    """Every node's place; `reached_at` says where a node is reached that is not reached at its address."""
    subnet, gateway = IPv4Network(network.subnet), IPv4Address(network.gateway)
    addresses = ground.node_addresses(subnet, gateway, spec.network.first_host, len(nodes))
    return tuple(
        Place(
            node=node, host=str(address), port=port, bus_port=port + 10000, reach_host=reach_host, reach_port=reach_port
        )
        for node, address in zip(nodes, addresses, strict=True)
        for reach_host, reach_port in [reached_at.get(node, (str(address), port))]
    )
