"""Free subnets and ports, and what this host lets containers do."""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv4Network

import pytest

from chaos.drivers._docker_ground import (
    RANGE,
    Taken,
    check_neighbour_table,
    free_ports,
    free_subnets,
    host_networks,
    is_local_address,
    node_addresses,
    overlapping,
)
from chaos.errors import EnvironmentLacks

ROUTES = """Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT
eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0
docker0\t000012C6\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
*\t000012C6\t00000000\t0201\t0\t0\t4096\t0000FEFF\t0\t0\t0
"""


def test_default_and_rejecting_routes_take_nothing() -> None:
    """Of a routing table only real networks count: not the default route, not an `unreachable` guard."""
    assert host_networks(ROUTES) == [Taken(IPv4Network("198.18.0.0/24"), "the interface docker0")]


def test_free_subnets_are_all_that_overlap_nothing() -> None:
    """Every /24 of the range is offered once, but for those that are taken."""
    taken = [Taken(IPv4Network("198.18.0.0/16"), "somebody"), Taken(IPv4Network("198.19.3.128/25"), "somebody")]
    offered = list(free_subnets("run", taken))
    assert len(offered) == len(set(offered)) == 255
    assert all(subnet.subnet_of(RANGE) and not overlapping(subnet, taken) for subnet in offered)


def test_runs_begin_at_different_subnets() -> None:
    """The order is each run's own and repeats with its id."""
    firsts = {next(free_subnets(f"run-{number}", [])) for number in range(50)}
    assert len(firsts) > 40
    assert list(free_subnets("run-1", [])) == list(free_subnets("run-1", []))


def test_node_addresses_follow_the_first_host() -> None:
    """Six nodes from host 11 on have .11 to .16."""
    addresses = node_addresses(IPv4Network("198.18.9.0/24"), IPv4Address("198.18.9.1"), 11, 6)
    assert [str(address) for address in addresses] == [f"198.18.9.{host}" for host in range(11, 17)]


@pytest.mark.parametrize(("first_host", "nodes"), [(11, 5), (14, 2), (0, 20)])
def test_addresses_that_do_not_fit_are_refused(first_host: int, nodes: int) -> None:
    """Nodes past the end of the subnet, or upon its gateway, are refused."""
    with pytest.raises(EnvironmentLacks):
        node_addresses(IPv4Network("198.18.9.0/28"), IPv4Address("198.18.9.14"), first_host, nodes)


@pytest.mark.parametrize(("nodes", "fits"), [(30, True), (32, True), (33, False)])
def test_the_neighbour_table_bounds_the_number_of_nodes(nodes: int, fits: bool) -> None:
    """With the usual limit of 1024 entries 32 nodes fit, and 33 are refused with the setting to raise."""
    if fits:
        check_neighbour_table(nodes, limit=1024)
    else:
        with pytest.raises(EnvironmentLacks, match=r"sysctl -w net\.ipv4\.neigh\.default\.gc_thresh3="):
            check_neighbour_table(nodes, limit=1024)


def test_free_ports_are_distinct_and_can_be_bound() -> None:
    """Each port given is another one, and a server can listen on it."""
    ports = free_ports(20)
    assert len(set(ports)) == 20
    for port in ports:
        with socket.socket() as server:
            server.bind(("127.0.0.1", port))


def test_an_address_is_local_only_if_this_host_has_it() -> None:
    """The loopback address is this host's; one of the test network of RFC 5737 is not."""
    assert is_local_address("127.0.0.1")
    assert not is_local_address("192.0.2.200")
