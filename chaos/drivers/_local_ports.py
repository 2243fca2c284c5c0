"""Ports of this machine's loopback for one run: chosen free, and held against everybody else while the run lasts."""

from __future__ import annotations

import random
import socket
import sys
from collections.abc import Iterable
from pathlib import Path

from chaos.errors import EnvironmentLacks

HOST = "127.0.0.1"
BUS_OFFSET = 10000
"""A server's bus port is its client port and this, where nothing else is said."""
CLIENT_PORTS = range(10000, 65536 - BUS_OFFSET)
_OUTGOING = Path("/proc/sys/net/ipv4/ip_local_port_range")
_USUAL_OUTGOING = (49152, 65535)
"""Where outgoing connections get their ports from on other systems than Linux (RFC 6335)."""


def outgoing_range() -> range:
    """The ports that outgoing connections are given on this machine."""
    first, last = map(int, _OUTGOING.read_text().split()) if _OUTGOING.exists() else _USUAL_OUTGOING
    return range(first, last + 1)


class Ports:
    """Pairs of ports, client and bus, on which nobody listens.

    Each is bound until it is released, so that no other run finds it free. On Linux a server can
    listen on a port that is held in this way, and it stays ours while its server is dead.
    """

    def __init__(self) -> None:
        self._held: dict[int, socket.socket] = {}

    def take(self, count: int) -> list[int]:
        """The client ports of `count` pairs; raises EnvironmentLacks, holding none, if there are too few."""
        taken: list[int] = []
        for port in _candidates(outgoing_range()):
            if len(taken) == count:
                return taken
            if self._hold((port, port + BUS_OFFSET)):
                taken.append(port)
        self.release()
        raise EnvironmentLacks(f"only {len(taken)} of {count} pairs of ports are free on {HOST}")

    def _hold(self, ports: Iterable[int]) -> bool:
        """Holds all of them, or none."""
        held: dict[int, socket.socket] = {}
        for port in ports:
            holder = held[port] = socket.socket(socket.AF_INET)
            try:
                holder.bind((HOST, port))  # without SO_REUSEADDR: it fails if anybody has the port
            except OSError:
                _close(held.values())
                return False
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # from now on, a server may listen there
        self._held |= held
        return True

    def make_way(self) -> None:
        """Lets the servers have their ports: called just before they start."""
        if sys.platform != "linux":  # elsewhere two sockets cannot be bound to one port, not even in this way
            self.release()

    def release(self) -> None:
        """Holds nothing any more; harmless when repeated."""
        _close(self._held.values())
        self._held.clear()


def _candidates(outgoing: range) -> list[int]:
    """Client ports in random order: those that no outgoing connection takes first, neither for client nor bus."""
    quiet = [port for port in CLIENT_PORTS if port not in outgoing and port + BUS_OFFSET not in outgoing]
    others = sorted(set(CLIENT_PORTS) - set(quiet))
    return [*random.sample(quiet, len(quiet)), *random.sample(others, len(others))]


def _close(sockets: Iterable[socket.socket]) -> None:
    for each in sockets:
        each.close()
