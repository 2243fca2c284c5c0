"""Where a run's nodes may live: free subnets and ports, and whether containers can be reached from here."""

from __future__ import annotations

import hashlib
import random
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from chaos.errors import EnvironmentLacks

RANGE = IPv4Network("198.18.0.0/15")
"""Reserved for benchmarks (RFC 2544): collides with no office or VPN network."""
PREFIX_LENGTH = 24
PORTS = range(20000, 32768)
"""Below the usual range of outgoing connections, so that none of those takes a chosen port."""

_ROUTES = Path("/proc/net/route")
_NEIGHBOUR_LIMIT = Path("/proc/sys/net/ipv4/neigh/default/gc_thresh3")
_REJECTS = 0x0200  # RTF_REJECT of <linux/route.h>: an `unreachable` route


@dataclass(frozen=True, slots=True)
class Taken:
    """A network that is in use, and by whom, in words."""

    network: IPv4Network
    owner: str


def free_subnets(seed: str, taken: Sequence[Taken]) -> Iterator[IPv4Network]:
    """Every free /24 of RANGE, in an order drawn from the seed, so that two runs rarely want the same one."""
    candidates = list(RANGE.subnets(new_prefix=PREFIX_LENGTH))
    random.Random(hashlib.sha256(seed.encode()).digest()).shuffle(candidates)
    return (subnet for subnet in candidates if not overlapping(subnet, taken))


def overlapping(subnet: IPv4Network, taken: Sequence[Taken]) -> Taken | None:
    """The first taken network that shares an address with the subnet."""
    return next((other for other in taken if subnet.overlaps(other.network)), None)


def host_networks(table: str | None = None) -> list[Taken]:
    """The networks this host has routes to, from Linux's routing table (`/proc/net/route`); empty elsewhere.

    The default route and routes that reject (a guard against stray packets) take nothing.
    """
    if table is None:
        table = _ROUTES.read_text() if _ROUTES.exists() else ""
    rows = (line.split() for line in table.splitlines()[1:])
    return [
        Taken(IPv4Network((_address(row[1]), str(_address(row[7])))), f"the interface {row[0]}")
        for row in rows
        if int(row[7], 16) != 0 and not int(row[3], 16) & _REJECTS
    ]


def _address(little_endian_hex: str) -> IPv4Address:
    return IPv4Address(bytes.fromhex(little_endian_hex)[::-1])


def node_addresses(subnet: IPv4Network, gateway: IPv4Address, first_host: int, nodes: int) -> list[IPv4Address]:
    """Consecutive addresses from host number `first_host` on; raises EnvironmentLacks if the subnet is too small."""
    last = first_host + nodes - 1
    if last >= subnet.num_addresses - 1:
        raise EnvironmentLacks(f"the subnet {subnet} has no room for {nodes} nodes from host {first_host} on")
    addresses = [subnet[host] for host in range(first_host, last + 1)]
    if gateway in addresses:
        raise EnvironmentLacks(f"the gateway {gateway} is among the nodes' addresses {addresses[0]} … {addresses[-1]}")
    return addresses


def is_local_address(address: str) -> bool:
    """Whether the address belongs to an interface of this host: a bridge's does only if containers can be reached."""
    try:
        with socket.socket(socket.AF_INET) as probe:
            probe.bind((address, 0))
    except OSError:
        return False
    return True


def free_ports(count: int) -> list[int]:
    """Distinct TCP ports of this host on which nobody listens; raises EnvironmentLacks if there are too few."""
    ports: list[int] = []
    with ExitStack() as held:  # every port is held until all are found
        for port in random.sample(PORTS, len(PORTS)):
            if len(ports) == count:
                break
            probe = held.enter_context(socket.socket(socket.AF_INET))
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            ports.append(port)
    if len(ports) < count:
        raise EnvironmentLacks(f"only {len(ports)} of {count} ports are free in {PORTS.start} … {PORTS.stop - 1}")
    return ports


def check_neighbour_table(nodes: int, limit: int | None = None) -> None:
    """Raises EnvironmentLacks if the nodes would overflow the kernel's neighbour table.

    n meshed nodes need n(n-1) entries and the host one for each. The limit is one for all
    network namespaces of a machine: past it, the whole machine loses its network.
    """
    if limit is None:
        if not _NEIGHBOUR_LIMIT.exists():
            return
        limit = int(_NEIGHBOUR_LIMIT.read_text())
    needed = nodes * nodes
    if needed > limit:
        raise EnvironmentLacks(
            f"{nodes} nodes need {needed} entries in the kernel's neighbour table, which holds {limit}; "
            f"raise it: sysctl -w net.ipv4.neigh.default.gc_thresh3={4 * needed}"
        )
