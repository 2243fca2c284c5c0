"""The proxies before local servers: one process that passes on what its rules let through, and holds back the rest.

Runs as `python -m chaos.drivers._local_proxy FOLDER`. `fronts.json` in the folder says where to listen and which
server stands behind; `rules.json` is read anew at SIGHUP, and `applied` then names the rules that are in force. So any
process of the run's user can change the rules, and the proxies need nobody to live.

What is held back is not thrown away: it waits, as what TCP sends again until it is heard. So no stream is torn, and a
cut that is mended in time costs time only. A node that nobody reaches takes no connections either: the queue of its
port is kept full, so that the system drops every attempt, as if nothing were there.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import resource
import signal
import socket
import struct
import sys
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from chaos.drivers._local_rules import CLIENT, OUTSIDE, Rule, held, sealed

HOST = "127.0.0.1"
FRONTS, RULES, APPLIED = "fronts.json", "rules.json", "applied"
_BACKLOG = 511
_BUS_HEADER = struct.Struct("!4sIHH")
"""The beginning of every message on the cluster bus: signature, length, version, the sender's client port."""
_BUS_SIGNATURE = b"RCmb"
_REPLICA = re.compile(rb"listening-port\r\n\$\d+\r\n(\d+)\r\n", re.IGNORECASE)
"""How a replica introduces itself to its master (REPLCONF), within the first bytes it sends."""
_INTRODUCTION_BYTES = 1024
_RAISED_PRIORITY = -10


@dataclass(frozen=True, slots=True)
class Front:
    """Where a proxy listens for a node, and the server behind it."""

    node: str
    kind: str
    port: int
    server_port: int


class End(asyncio.Protocol):
    """One end of a tunnel; what it says is written to the other end."""

    def __init__(self, tunnel: Tunnel) -> None:
        self.tunnel = tunnel
        self.transport: asyncio.Transport | None = None
        self.other: End | None = None
        self._held, self._choked = False, True
        self._kept = bytearray()
        """What was read before it was known to be held back."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._obey()

    def data_received(self, data: bytes) -> None:
        if self._held:
            self._kept += data
        else:
            self._pass_on(data)

    def _pass_on(self, data: bytes | bytearray) -> None:
        assert self.other
        assert self.other.transport
        self.other.transport.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.tunnel.lost()

    def pause_writing(self) -> None:
        """This end takes no more for now, so the other is not read."""
        if self.other:
            self.other.choke(True)

    def resume_writing(self) -> None:
        if self.other:
            self.other.choke(False)

    def choke(self, choked: bool) -> None:
        self._choked = choked
        self._obey()

    def hold(self, is_held: bool) -> None:
        """Whether what this end says is held back."""
        self._held = is_held
        if self._kept and not is_held:
            self._pass_on(self._kept)
            self._kept = bytearray()
        self._obey()

    def _obey(self) -> None:
        if self.transport is None or self.transport.is_closing():
            return
        if self._held or self._choked:
            self.transport.pause_reading()
        else:
            self.transport.resume_reading()


class Caller(End):
    """The end of whoever connected: it introduces itself with the first it says, or is taken for a client."""

    def __init__(self, tunnel: Tunnel) -> None:
        super().__init__(tunnel)
        self._said = b""
        self._is_known = False

    def data_received(self, data: bytes) -> None:
        if self._is_known:
            super().data_received(data)
            return
        self._said += data
        port = introduced(self._said, self.tunnel.front.kind)
        enough = _INTRODUCTION_BYTES if self.tunnel.front.kind == CLIENT else _BUS_HEADER.size
        if port is not None or len(self._said) >= enough:
            self._is_known = True
            self.tunnel.introduce(port)
        if self.tunnel.front.kind == CLIENT:  # a replica is answered twice before it says who it is
            super().data_received(data)
        elif self._is_known:
            super().data_received(self._said)


def introduced(said: bytes, kind: str) -> int | None:
    """The client port of the node that says this, from the first it says; None if it does not tell."""
    if kind == CLIENT:
        found = _REPLICA.search(said)
        return int(found[1]) if found else None
    if len(said) < _BUS_HEADER.size:
        return None
    signature, _, _, port = _BUS_HEADER.unpack_from(said)
    return int(port) if signature == _BUS_SIGNATURE else None


class Tunnel:
    """One connection through a front: a caller, and the server behind."""

    def __init__(self, front: Front, proxy: Proxy) -> None:
        self.front, self._proxy = front, proxy
        self._caller_name = OUTSIDE
        self._caller, self._server = Caller(self), End(self)
        self._caller.other, self._server.other = self._server, self._caller

    async def begin(self, connection: socket.socket) -> None:
        """Joins a connection that was taken to the server behind; nothing is read before both ends stand."""
        loop = asyncio.get_running_loop()
        try:
            await loop.create_connection(lambda: self._server, HOST, self.front.server_port)
        except OSError:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()  # reset: nobody is behind
            self._proxy.tunnels.discard(self)
            return
        await loop.connect_accepted_socket(lambda: self._caller, connection)
        self.obey()
        self._caller.choke(False)
        self._server.choke(False)

    def introduce(self, port: int | None) -> None:
        """Takes note of who the caller is; what it says next may be held back."""
        if port is not None:
            self._caller_name = self._proxy.nodes.get(port, OUTSIDE)
            self.obey()

    def obey(self) -> None:
        """Holds back each direction as the rules in force say."""
        rules, kind = self._proxy.rules, self.front.kind
        self._caller.hold(held(rules, self._caller_name, self.front.node, kind))
        self._server.hold(held(rules, self.front.node, self._caller_name, kind))

    def lost(self) -> None:
        """One end is gone: the other gets what is still on its way, and is closed."""
        self._proxy.tunnels.discard(self)
        for end in (self._caller, self._server):
            if end.transport and not end.transport.is_closing():
                end.transport.close()


class Listener:
    """Takes connections for one front, unless nobody can get through to its node."""

    def __init__(self, front: Front, taken: Callable[[Front, socket.socket], None]) -> None:
        self.front, self._taken = front, taken
        self._socket = socket.socket(socket.AF_INET)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.setblocking(False)
        self._socket.bind((HOST, front.port))
        self._fillers: list[socket.socket] = []
        self._open()

    def seal(self, is_sealed: bool) -> None:
        """Takes no connection any more, or takes them again."""
        if is_sealed == bool(self._fillers):
            return
        if is_sealed:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.listen(0)
            self._fillers = [self._filler(), self._filler()]
        else:
            for filler in self._fillers:
                filler.close()
            self._fillers = []
            self._open()

    def close(self) -> None:
        self.seal(False)
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()

    def _open(self) -> None:
        self._socket.listen(_BACKLOG)
        asyncio.get_running_loop().add_reader(self._socket, self._take)

    def _filler(self) -> socket.socket:
        """A connection of our own that is never taken: with the queue full, the system drops all others."""
        filler = socket.socket(socket.AF_INET)
        filler.setblocking(False)
        filler.connect_ex((HOST, self.front.port))
        return filler

    def _take(self) -> None:
        with suppress(BlockingIOError, ConnectionAbortedError):
            while True:
                connection, _ = self._socket.accept()
                connection.setblocking(False)
                self._taken(self.front, connection)


class Proxy:
    """All fronts of a run, their tunnels and the rules in force."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        fronts = [Front(**plain) for plain in json.loads((folder / FRONTS).read_text())]
        self.nodes = {port: front.node for front in fronts for port in (front.port, front.server_port)}
        self.rules: Collection[Rule] = ()
        self.tunnels: set[Tunnel] = set()
        self._beginning: set[asyncio.Task[None]] = set()
        self._listeners = [Listener(front, self._taken) for front in fronts]

    def apply(self) -> None:
        """Takes over the rules that are written down, and says so when they are in force."""
        wanted = json.loads((self._folder / RULES).read_text())
        self.rules = tuple(replace(Rule(**rule), kinds=tuple(rule["kinds"])) for rule in wanted["rules"])
        for listener in self._listeners:
            listener.seal(sealed(self.rules, listener.front.node, listener.front.kind))
        for tunnel in tuple(self.tunnels):
            tunnel.obey()
        written = self._folder / f"{APPLIED}.new"
        written.write_text(str(wanted["number"]))
        written.replace(self._folder / APPLIED)

    def close(self) -> None:
        """Ends every tunnel and takes no more connections."""
        for listener in self._listeners:
            listener.close()
        for tunnel in tuple(self.tunnels):
            tunnel.lost()

    def _taken(self, front: Front, connection: socket.socket) -> None:
        tunnel = Tunnel(front, self)
        self.tunnels.add(tunnel)
        beginning = asyncio.ensure_future(tunnel.begin(connection))
        self._beginning.add(beginning)
        beginning.add_done_callback(self._beginning.discard)


async def serve(folder: Path) -> None:
    """Runs until the process is killed."""
    proxy = Proxy(folder)
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, proxy.apply)
    proxy.apply()
    await asyncio.Event().wait()


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, _RAISED_PRIORITY)
    with suppress(OSError, ValueError):  # two descriptors a tunnel, and every two nodes have two
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    asyncio.run(serve(Path(sys.argv[1])))


if __name__ == "__main__":
    main()
