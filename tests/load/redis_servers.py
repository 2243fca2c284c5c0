"""A real Redis Cluster for the tests of the load: server processes on free loopback ports."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from chaos.model.plan import Place
from chaos.model.view import SlotRanges
from chaos.wire.resp import pack, reader
from chaos.wire.slots import share_out

BINARY = shutil.which("redis-server")
DEADLINE_SECONDS = 20.0


def wait_until(condition: Callable[[], Any], what: str) -> Any:
    """The first truthy value of a condition; an AssertionError naming it if it does not come true."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.01)
    raise AssertionError(f"never came true: {what}")


def ask(port: int, *words: str | int) -> Any:
    """One question on a connection of its own; a ConnectionError if the server hangs up."""
    parser = reader()
    with socket.create_connection(("127.0.0.1", port), timeout=5) as opened:
        opened.sendall(pack(*words))
        while (reply := parser.gets()) is False:
            received = opened.recv(1 << 16)
            if not received:
                raise ConnectionResetError("the server hung up")
            parser.feed(received)
    return reply


class RedisServers:
    """Masters redis-1 … redis-N, each with its share of the slots, then their replicas in the same order."""

    def __init__(self, directory: Path, masters: int = 3, replicas: int = 0, **settings: str) -> None:
        """Further settings are Redis directives, with underscores for their hyphens."""
        self._settings = {name.replace("_", "-"): value for name, value in settings.items()}
        self.shard_slots: dict[int, SlotRanges] = share_out(masters)
        self.places = tuple(_place(f"redis-{number + 1}") for number in range(masters * (1 + replicas)))
        self._masters = self.places[:masters]
        self.processes = {place.node: self._start(directory, place) for place in self.places}
        try:
            self._form()
        except BaseException:
            self.close()
            raise

    def _start(self, directory: Path, place: Place) -> subprocess.Popen[bytes]:
        assert BINARY
        home = directory / place.node
        home.mkdir()
        settings = {
            "port": place.port,
            "bind": "127.0.0.1",
            "cluster-enabled": "yes",
            "cluster-node-timeout": 2000,
            "cluster-require-full-coverage": "no",
            "repl-diskless-sync-delay": 0,
            "save": "",
            "dir": home,
            "logfile": home / "log",
            **self._settings,
        }
        words = [word for name, value in settings.items() for word in (f"--{name}", str(value))]
        return subprocess.Popen([BINARY, *words], stdin=subprocess.DEVNULL, start_new_session=True)

    def _form(self) -> None:
        for place in self.places:
            wait_until(lambda port=place.port: _answers(port), f"{place.node} answers")
        for number, place in enumerate(self._masters, start=1):
            ((first, last),) = self.shard_slots[number]
            ask(place.port, "CLUSTER", "ADDSLOTSRANGE", first, last)
            ask(place.port, "CLUSTER", "SET-CONFIG-EPOCH", number)
        for place in self.places:
            for other in self.places:
                ask(place.port, "CLUSTER", "MEET", other.host, other.port)
        for place in self.places:
            wait_until(lambda port=place.port: self._knows_all(port), f"{place.node} knows the cluster")
        for number, place in enumerate(self.places[len(self._masters) :]):
            self._replicate(place.port, self._masters[number % len(self._masters)].port)

    def _replicate(self, port: int, master: int) -> None:
        leader = ask(master, "CLUSTER", "MYID").decode()
        wait_until(lambda: ask(port, "CLUSTER", "REPLICATE", leader) == b"OK", f"{port} follows {master}")
        wait_until(lambda: b"master_link_status:up" in ask(port, "INFO", "replication"), f"{port} is linked")

    def reset(self) -> None:
        """Empties all servers and their statistics."""
        for place in self.places:
            ask(place.port, "FLUSHALL")
            ask(place.port, "CONFIG", "RESETSTAT")

    def _knows_all(self, port: int) -> bool:
        info = ask(port, "CLUSTER", "INFO")
        nodes = f"cluster_known_nodes:{len(self.places)}".encode()
        return b"cluster_state:ok" in info and nodes in info and b"cluster_slots_ok:16384" in info

    def port(self, node: str) -> int:
        return next(place.port for place in self.places if place.node == node)

    def signal(self, node: str, number: signal.Signals) -> None:
        self.processes[node].send_signal(number)

    def kill(self, node: str) -> None:
        self.processes[node].kill()
        self.processes[node].wait()

    def calls(self, command: str) -> int:
        """How often all servers have executed a command."""
        return sum(_calls(place.port, command) for place in self.places)

    def close(self) -> None:
        for process in self.processes.values():
            if process.poll() is None:
                os.kill(process.pid, signal.SIGCONT)
                process.kill()
            process.wait()


def _answers(port: int) -> bool:
    try:
        ask(port, "PING")
    except OSError:
        return False
    return True


def _calls(port: int, command: str) -> int:
    for line in ask(port, "INFO", "commandstats").decode().splitlines():
        name, _, facts = line.partition(":")
        if name == f"cmdstat_{command}":
            return int(facts.split(",")[0].removeprefix("calls="))
    return 0


def _place(node: str) -> Place:
    port = free_port()
    return Place(node=node, host="127.0.0.1", port=port, reach_host="127.0.0.1", reach_port=port)


def free_port() -> int:
    """A free port whose bus port is free too; both lie below the range that outgoing connections take theirs from."""
    for port in range(11_000 + os.getpid() % 8_000, 22_000):
        if port not in _taken and _is_free(port) and _is_free(port + 10_000):
            _taken.add(port)
            return port
    raise AssertionError("no free port")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


_taken: set[int] = set()
