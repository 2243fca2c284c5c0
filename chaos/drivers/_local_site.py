"""The ground of a local run: ports on the loopback, folders in the run directory, and what it refuses."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from chaos.drivers._local_ports import BUS_OFFSET, HOST, Ports
from chaos.errors import EnvironmentLacks
from chaos.model.plan import Place, Site
from chaos.scenario.language import ClusterSpec, NetworkSpec

PLAIN = "local processes on this machine's loopback"
PROXIED = "local processes on this machine's loopback, each behind a proxy, for a fault of this scenario needs one"


def reserve(ports: Ports, spec: ClusterSpec, nodes: Sequence[str], folder: Path, *, proxied: bool) -> Site:
    """Ports and folders for every node; with `proxied`, a second pair of ports for the proxy before it.

    Raises EnvironmentLacks for a network that only containers can have, and if there are too few ports.
    """
    _refuse_networks(spec.network)
    taken = ports.take(len(nodes) * (2 if proxied else 1))
    fronts, servers = taken[: len(nodes)], taken[-len(nodes) :]
    places = tuple(
        Place(
            node=node,
            host=HOST,
            port=front,
            bus_port=front + BUS_OFFSET,
            reach_host=HOST,
            reach_port=front,
            server_port=server,
            data_path=str(folder / node / "data"),
            config_path=str(folder / node / "config"),
        )
        for node, front, server in zip(nodes, fronts, servers, strict=True)
    )
    return Site(network=None, places=places, reach="addresses", reach_reason=PROXIED if proxied else PLAIN)


def _refuse_networks(network: NetworkSpec) -> None:
    """What the scenario asks of its network must be there; host numbers mean nothing on a loopback and ask nothing."""
    asked = {"subnet": network.subnet, "gateway": network.gateway, "internal": network.internal}
    wanted = [f"network.{key}" for key, value in asked.items() if value]
    if wanted:
        raise EnvironmentLacks(
            f"{' and '.join(wanted)}: local processes share the loopback and have no network of their own; "
            "the driver 'docker' has one"
        )
