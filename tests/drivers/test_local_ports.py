"""Ports that are held for one run."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator

import pytest

from chaos.drivers._local_ports import BUS_OFFSET, HOST, Ports, outgoing_range


@pytest.fixture
def ports() -> Iterator[Ports]:
    held = Ports()
    yield held
    held.release()


def test_every_pair_is_free_and_its_own(ports: Ports) -> None:
    """As many client ports as asked for, no port twice, bus ports counted."""
    taken = ports.take(20)
    both = {*taken, *(port + BUS_OFFSET for port in taken)}
    assert len(both) == 40


def test_no_outgoing_connection_takes_a_chosen_port(ports: Ports) -> None:
    """Client and bus ports lie outside of the range that outgoing connections are given, where there is room."""
    outgoing = outgoing_range()
    if outgoing.start <= 20000:
        pytest.skip("this machine gives nearly all ports to outgoing connections")
    assert not [port for port in ports.take(20) if port in outgoing or port + BUS_OFFSET in outgoing]


def test_nobody_else_finds_a_held_port_free(ports: Ports) -> None:
    """A port that is held, for client or bus, cannot be bound by another process that takes only free ones."""
    [port] = ports.take(1)
    for number in (port, port + BUS_OFFSET):
        with socket.socket() as other, pytest.raises(OSError, match="in use"):
            other.bind((HOST, number))


@pytest.mark.skipif(sys.platform != "linux", reason="two sockets can be bound to one port only on Linux")
def test_a_server_can_listen_on_a_held_port(ports: Ports) -> None:
    """A server that reuses addresses, as servers do, listens on a port that is held for it."""
    [port] = ports.take(1)
    ports.make_way()
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind((HOST, port))
        server.listen()
        with socket.create_connection((HOST, port), timeout=2):
            pass


def test_a_held_port_refuses_connections(ports: Ports) -> None:
    """While no server listens, a client is refused, as by a dead node."""
    [port] = ports.take(1)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((HOST, port), timeout=2)


def test_released_ports_are_free_again(ports: Ports) -> None:
    """After the release another process can have them."""
    [port] = ports.take(1)
    ports.release()
    with socket.socket() as other:
        other.bind((HOST, port))
