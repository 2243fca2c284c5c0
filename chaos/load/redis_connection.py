"""One connection to one Redis node, shared by all virtual users of the process.

Requests are written without waiting for replies, and replies are matched to them in order. The
connection is opened in a greenlet of its own and opened again whenever it breaks, so a node that
is gone never blocks anything: its operations wait in a queue, with their own time-outs.
"""

from __future__ import annotations

import time
from collections import deque
from contextlib import suppress
from itertools import islice
from typing import Any, Protocol

import gevent
from gevent import socket
from gevent.event import Event
from hiredis import ProtocolError

from chaos.load.engine import Operation
from chaos.model.plan import Place
from chaos.wire.resp import pack, reader

CONNECT_SECONDS = 1.0
"""After it an attempt to connect is given up: a vanished address answers nothing for minutes."""
RETRY_SECONDS = 0.02
"""The pause between two attempts to connect."""
BATCH = 512
"""At most so many requests go into one write."""
RECEIVE_BYTES = 1 << 18
READ, WRITE = 1, 2
"""The event loop's names for what a descriptor is watched for."""
ASKING = pack("ASKING")


class Owner(Protocol):
    """Who is told what becomes of the operations of a connection."""

    def answered(self, operation: Operation, reply: Any, at: float, node: int) -> None: ...

    def lost(self, operations: list[Operation], at: float) -> None:
        """They were sent, and the connection broke before their answers came."""

    def timed_out(self, operation: Operation) -> None: ...

    def overdue(self, operation: Operation) -> None:
        """It waited for its sending until its time was over."""

    def refused(self, operations: list[Operation], at: float) -> None:
        """They waited, and an attempt to connect was refused."""

    def unreachable(self) -> None:
        """An attempt to connect failed in another way, or a connection broke."""


class Connection:
    """Requests to one node in the order of their sending, and the ones that wait to be sent."""

    def __init__(self, index: int, place: Place, password: str | None, timeout: float, owner: Owner) -> None:
        self.index, self._place, self._owner = index, place, owner
        self._password, self._timeout = password, timeout
        self._silence_seconds = max(2.0, 3 * timeout)
        self.up = False
        self.waiting: deque[Operation] = deque()
        self._pending: deque[Operation | None] = deque()
        """Sent and unanswered, in order; None stands for a reply that nobody waits for."""
        self._abandoned = 0
        """Replies still to come, ahead of the pending ones, that are thrown away: their time is over."""
        self._unsent = b""
        """The rest of a request whose beginning has been written."""
        self._flush_planned = False
        self._heard_at = 0.0
        self._loop = gevent.get_hub().loop
        self._socket: Any = None
        self._parser = reader()
        self._writable: Any = None
        self._broken = Event()

    @property
    def trusted(self) -> bool:
        """Whether the node answers, as far as is known."""
        return self.up and not self._abandoned

    def put(self, operation: Operation) -> None:
        """Queues an operation; all that are queued in one turn of the event loop are written together."""
        self.waiting.append(operation)
        if self.up:
            self._plan_flush()

    def take_waiting(self) -> list[Operation]:
        """Empties the queue of operations that have not been sent."""
        taken = list(self.waiting)
        self.waiting.clear()
        return taken

    def run(self) -> None:
        """Connects, reads replies until the connection breaks, and again, for ever."""
        while True:
            try:
                self._socket = self._connect()
            except ConnectionRefusedError:
                self._owner.refused(self.take_waiting(), time.monotonic())
            except OSError:  # timed out, unreachable
                self._owner.unreachable()
            else:
                self._serve()
            gevent.sleep(RETRY_SECONDS)

    def _connect(self) -> Any:
        place = self._place
        family = socket.AF_INET6 if ":" in place.reach_host else socket.AF_INET
        opened = socket.socket(family, socket.SOCK_STREAM)
        try:
            opened.settimeout(CONNECT_SECONDS)
            opened.connect((place.reach_host, place.reach_port))
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            opened.setblocking(False)
        except BaseException:
            opened.close()
            raise
        return opened

    def _serve(self) -> None:
        """Carries requests and replies until the connection breaks."""
        self.up, self._heard_at = True, time.monotonic()
        self._broken.clear()
        self._parser = reader()
        if self._password is not None:
            self._unsent = pack("AUTH", self._password)
            self._pending.append(None)
        descriptor = self._socket.fileno()
        readable, self._writable = self._loop.io(descriptor, READ), self._loop.io(descriptor, WRITE)
        readable.start(self._read)
        self._flush()
        self._broken.wait()
        for watcher in (readable, self._writable):
            watcher.stop()
            watcher.close()
        self._break()

    def _read(self) -> None:
        """Takes in what has arrived; runs in the event loop itself, so it never waits."""
        try:
            received = self._socket.recv(RECEIVE_BYTES)
        except BlockingIOError:
            return
        except OSError:
            received = b""
        if not received:
            self._broken.set()
            return
        now = self._heard_at = time.monotonic()
        self._parser.feed(received)
        try:
            while (reply := self._parser.gets()) is not False:
                self._match(reply, now)
        except ProtocolError:
            self._broken.set()

    def _match(self, reply: Any, now: float) -> None:
        if self._abandoned:
            self._abandoned -= 1
            return
        if not self._pending:  # a reply to nothing: the server says why it hangs up
            self._broken.set()
            return
        operation = self._pending.popleft()
        if operation is not None:
            self._owner.answered(operation, reply, now, self.index)

    def _break(self) -> None:
        """Forgets everything that belongs to the connection; what waits goes to the next one."""
        self.up = False
        self._socket.close()
        unanswered = [operation for operation in self._pending if operation is not None]
        self._pending.clear()
        self._abandoned, self._unsent = 0, b""
        self._owner.lost(unanswered, time.monotonic())
        self._owner.unreachable()

    def _plan_flush(self) -> None:
        if not self._flush_planned:
            self._flush_planned = True
            self._loop.run_callback(self._flush)

    def _flush(self) -> None:
        """Writes as much as the peer takes now; runs in the event loop itself, so it never waits."""
        self._flush_planned = False
        self.give_up_waiting(time.monotonic())
        while self.up and (self._unsent or self.waiting):
            head = self._unsent
            batch = b"".join(map(_bytes_of, islice(self.waiting, BATCH)))
            try:
                written = self._socket.send(head + batch)
            except BlockingIOError:
                self._writable.start(self._flush_again)
                return
            except OSError:  # broken: reading finds out, and the connection is made anew
                return
            self._unsent = head[written:]
            self._note_sent(written - len(head))

    def _flush_again(self) -> None:
        self._writable.stop()
        self._flush()

    def _note_sent(self, written: int) -> None:
        """Moves the operations of which at least one byte was written to the pending ones."""
        now = time.monotonic()
        while written > 0:
            operation = self.waiting.popleft()
            request = _bytes_of(operation)
            self._unsent = request[written:]
            written -= len(request)
            if operation.asking:
                operation.asking = False
                self._pending.append(None)
            if not operation.was_sent:
                operation.sent = now
            self._pending.append(operation)

    def expire(self, now: float) -> None:
        """Gives up what is past its time; gives up the connection if its peer has been silent for long.

        A peer that vanished and came back may never hear of an old connection again, while a new one
        works at once. With a long time-out the client goes on listening, as it was told to.
        """
        pending = self._pending
        while pending:
            head = pending[0]
            if head is not None and head.sent + self._timeout > now:
                break
            pending.popleft()
            self._abandoned += 1
            if head is not None:
                self._owner.timed_out(head)
        self.give_up_waiting(now)
        if self.up and self._abandoned and now - self._heard_at > self._silence_seconds:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def give_up_waiting(self, now: float) -> None:
        """Gives up the operations that have waited for their sending until their time was over."""
        waiting = self.waiting
        while waiting and _must_leave_by(waiting[0], self._timeout) <= now:
            self._owner.overdue(waiting.popleft())


def _bytes_of(operation: Operation) -> bytes:
    return ASKING + operation.request if operation.asking else operation.request


def _must_leave_by(operation: Operation, timeout: float) -> float:
    return (operation.sent if operation.was_sent else operation.intended) + timeout
