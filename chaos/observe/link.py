"""One open connection to one node: requests go out without waiting, replies come back in their order."""

from __future__ import annotations

import errno
import socket
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from chaos.observe.arrival import ANCILLARY_BYTES, ArrivalClock, ask_for_stamps
from chaos.wire.resp import pack, reader

REDIAL_SECONDS = 0.02
"""How long a broken connection rests before it is made again."""
CONNECT_SECONDS = 0.5
"""A connection attempt without an answer is given up and begun anew: its packets went nowhere."""


Take = Callable[["Link", float], None]
OpenLink = Callable[[int, Take], "Link"]
"""Opens a link to a node, given as an index, whose answers `Take` receives."""


@dataclass(slots=True)
class Sent:
    """One request on its way."""

    sent: float
    lateness: float
    about: Any = None
    expired: bool = False
    """Its time-out has passed and it was recorded as unknown: the answer is thrown away when it comes."""


class Link:
    """A connection that is made again whenever it breaks. Times are monotonic seconds.

    `up` says whether requests can be sent now; `trouble` names the error class of the last break;
    `take` is called when an answer can be received.
    """

    __slots__ = (
        "_clock", "_greet", "_opened", "_parser", "_redial_at", "_target",
        "arrived", "node", "pending", "socket", "take", "trouble", "up",
    )  # fmt: skip

    def __init__(self, node: int, host: str, port: int, password: str | None, take: Take, clock: ArrivalClock) -> None:
        self.node, self.take = node, take
        self._clock = clock
        self.arrived = 0.0
        self.up = False
        self.socket: socket.socket | None = None
        self.pending: deque[Sent] = deque()
        self.trouble = "connection lost"
        self._greet = pack("AUTH", password) if password is not None else b""
        self._target = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        self._opened = self._redial_at = 0.0

    @property
    def connecting(self) -> bool:
        return self.socket is not None and not self.up

    def keep(self, now: float) -> None:
        """Dials if it is due; gives up on an attempt that takes too long."""
        if self.connecting and now - self._opened > CONNECT_SECONDS:
            self.drop(now, "timeout")
        if self.socket is None and now >= self._redial_at:
            self._dial(now)

    def _dial(self, now: float) -> None:
        family, kind, protocol, _, address = self._target
        self.socket = socket.socket(family, kind, protocol)
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        ask_for_stamps(self.socket)
        self._opened = now
        code = self.socket.connect_ex(address)
        if code not in (0, errno.EINPROGRESS):
            self.drop(now, _trouble(code))

    def connected(self, now: float) -> None:
        """The dialled socket became writable: it is connected, or has failed."""
        assert self.socket is not None
        code = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            self.drop(now, _trouble(code))
            return
        self.up, self._parser = True, reader()
        if self._greet:
            self.send(self._greet, Sent(now, 0.0, about="greeting"), now)

    def send(self, request: bytes, sent: Sent, now: float) -> bool:
        """Sends one request; False if it could not be sent whole, and then the link is dropped."""
        assert self.socket is not None
        try:
            whole = self.socket.send(request) == len(request)
        except OSError as error:
            self.drop(now, _trouble(error.errno))
            return False
        if not whole:
            self.drop(now, "timeout")  # the peer has not read for so long that its buffers are full
            return False
        self.pending.append(sent)
        return True

    def receive(self, now: float) -> list[tuple[Sent, Any]]:
        """The requests answered by what has arrived, each with its reply; `arrived` says when that was."""
        assert self.socket is not None
        try:
            chunk, ancillary, _, _ = self.socket.recvmsg(1 << 16, ANCILLARY_BYTES)
            self.arrived = self._clock.arrival(ancillary, self.pending[0].sent if self.pending else now, now)
            if chunk == b"+OK\r\n" and len(self.pending) == 1:  # almost every beat: no parser needed
                return [(self.pending.popleft(), b"OK")]
        except BlockingIOError:
            return []
        except OSError as error:
            self.drop(now, _trouble(error.errno))
            return []
        if not chunk:
            self.drop(now, "connection lost")
            return []
        self._parser.feed(chunk)
        answered = []
        while self.pending and (reply := self._parser.gets()) is not False:
            answered.append((self.pending.popleft(), reply))
        return answered

    def drop(self, now: float, trouble: str) -> None:
        """Closes the connection; what is pending stays there for its owner to record as unknown."""
        if self.socket is not None:
            self.socket.close()
        self.socket, self.up, self.trouble = None, False, trouble
        self._redial_at = now + REDIAL_SECONDS


def _trouble(code: int | None) -> str:
    if code == errno.ECONNREFUSED:
        return "connection refused"
    return "timeout" if code in (errno.ETIMEDOUT, errno.EHOSTUNREACH, errno.ENETUNREACH) else "connection lost"
