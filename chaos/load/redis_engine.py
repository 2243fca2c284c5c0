"""The strict engine for Redis Cluster: one connection per node, own slot routing, no retries.

It follows one redirection of an operation, learns the slot table anew when nodes redirect, refuse
or fall silent, and otherwise tells exactly what a client without mercy saw.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from typing import Any

import gevent
from gevent.event import Event

from chaos.load.engine import ConnectFailed, Operation
from chaos.load.redis_connection import Connection
from chaos.load.redis_routes import UNKNOWN_NODE, Routes
from chaos.model.operation import ERROR_CODE, NOWHERE, Kind, Outcome
from chaos.model.plan import Place
from chaos.wire.resp import ReplyError, error_code, pack, redirection

SLOTS_QUESTION = pack("CLUSTER", "SLOTS")
UNKNOWN_SLOT = -1
SWEEP_SECONDS = 0.005
"""How often operations past their time are looked for; their recorded end is exact all the same."""
LEARN_SECONDS = 0.02
"""The slot table is asked for at most this often, each time at another node."""
TELLING_ERRORS = frozenset(ERROR_CODE[name] for name in ("MOVED", "CLUSTERDOWN", "READONLY", "MASTERDOWN"))
"""Error replies after which the slot table may be out of date."""


class RedisEngine:
    """Carries operations to the nodes that serve their slots; see `engine.py` for the outcomes."""

    def __init__(self, nodes: Sequence[Place], password: str | None, timeout: float, max_in_flight: int) -> None:
        self.in_flight = 0
        self.redirected = 0
        self.routes = Routes(nodes)
        self._nodes, self._password, self._timeout = nodes, password, timeout
        self._max_in_flight = max_in_flight
        self._connections = [Connection(index, place, password, timeout, self) for index, place in enumerate(nodes)]
        self._refusal = ""
        """What a node answered in place of its slot table, for the message."""
        self._doubt = Event()
        """Set when the slot table may be out of date."""

    # -- what users call

    def connect(self, timeout_seconds: float) -> None:
        """Opens a connection to every node; returns once all slots are known and their masters connected."""
        for connection in self._connections:
            gevent.spawn(connection.run)
        gevent.spawn(self._keep_learning)
        gevent.spawn(self._sweep)
        deadline = time.monotonic() + timeout_seconds
        while lacking := self._lacking():
            if time.monotonic() > deadline:
                raise ConnectFailed(f"the load found no complete cluster within {timeout_seconds:g} s: {lacking}")
            self._doubt.set()
            gevent.sleep(LEARN_SECONDS)

    def submit(self, operation: Operation) -> None:
        """Queues an operation at the node that serves its slot; never blocks."""
        now = time.monotonic()
        overdue = operation.intended + self._timeout <= now
        self.in_flight += 1
        if overdue or self.in_flight > self._max_in_flight:
            self._finish(operation, Outcome.NOT_SENT, _NOT_SENT, now)
        else:
            self._connection_for(operation.slot).put(operation)

    def drain(self) -> None:
        """Waits until nothing is in flight; every operation is over within two time-outs."""
        deadline = time.monotonic() + 2 * self._timeout + 1.0
        while self.in_flight and time.monotonic() < deadline:
            gevent.sleep(SWEEP_SECONDS)

    # -- what connections say

    def answered(self, operation: Operation, reply: Any, at: float, node: int) -> None:
        if at > operation.sent + self._timeout:
            self.timed_out(operation)
        elif isinstance(reply, ReplyError):
            self._answered_error(operation, reply, at, node)
        else:
            operation.reply = reply
            self._finish(operation, Outcome.OK, 0, at, node)

    def lost(self, operations: list[Operation], at: float) -> None:
        for operation in operations:
            self._finish(operation, Outcome.UNKNOWN, _LOST, at)

    def timed_out(self, operation: Operation) -> None:
        self._doubt.set()
        self._finish(operation, Outcome.UNKNOWN, _TIMEOUT, operation.sent + self._timeout)

    def overdue(self, operation: Operation) -> None:
        self._doubt.set()
        if operation.was_sent:  # redirected, and the way to the other node is closed
            self._finish(operation, Outcome.FAILED, _MOVED, operation.sent + self._timeout)
        else:
            self._finish(operation, Outcome.NOT_SENT, _NOT_SENT, operation.intended + self._timeout)

    def refused(self, operations: list[Operation], at: float) -> None:
        self._doubt.set()
        for operation in operations:
            self._finish(operation, Outcome.FAILED, _REFUSED, at)

    def unreachable(self) -> None:
        self._doubt.set()

    # -- how it is done

    def _finish(self, operation: Operation, outcome: Outcome, error: int, at: float, node: int = NOWHERE) -> None:
        operation.outcome, operation.error, operation.completed, operation.node = outcome, error, at, node
        self.in_flight -= operation.counted
        operation.done(operation)

    def _answered_error(self, operation: Operation, reply: ReplyError, at: float, node: int) -> None:
        error = error_code(reply)
        if error in TELLING_ERRORS:
            self._doubt.set()
        if not self._follow(operation, reply, node):
            operation.reply = reply
            self._finish(operation, Outcome.FAILED, error, at, node)

    def _follow(self, operation: Operation, reply: ReplyError, told_by: int) -> bool:
        """Sends a redirected operation once more, to the node that the reply names; False if it may not."""
        elsewhere = redirection(reply)
        if elsewhere is None or operation.redirected:
            return False
        slot, host, port = elsewhere
        node = self.routes.node_at(host, port, told_by)
        if node is None:
            return False
        operation.asking = error_code(reply) == _ASK
        if not operation.asking:
            self.routes.table[slot] = node
        operation.redirected = True
        self.redirected += 1
        self._connections[node].put(operation)
        return True

    def _connection_for(self, slot: int) -> Connection:
        node = self.routes.table[slot]
        return self._connections[0 if node == UNKNOWN_NODE else node]

    def _sweep(self) -> None:
        while True:
            now = time.monotonic()
            for connection in self._connections:
                connection.expire(now)
            gevent.sleep(SWEEP_SECONDS)

    def _lacking(self) -> str:
        """What is missing before traffic can begin, in words; empty if nothing is."""
        if missing := self.routes.uncovered():
            return f"{missing} slots have no known master{self._refusal}"
        down = [self._nodes[index].node for index in self.routes.masters() if not self._connections[index].up]
        return f"no connection to {', '.join(sorted(down))}" if down else ""

    # -- the slot table

    def _keep_learning(self) -> None:
        """Asks one node after another while there is doubt: one alone may be mistaken, or silent."""
        for number in itertools.count():
            self._doubt.wait()
            self._doubt.clear()
            willing = [each for each in self._connections if each.trusted] or self._connections
            willing[number % len(willing)].put(self._question())
            gevent.sleep(LEARN_SECONDS)

    def _question(self) -> Operation:
        now = time.monotonic()
        return Operation(Kind.READ, 0, 0, 0, UNKNOWN_SLOT, SLOTS_QUESTION, now, self._learn, counted=False)

    def _learn(self, question: Operation) -> None:
        """Takes over the slot table that a node gave."""
        if isinstance(question.reply, list):
            if self.routes.learn(question.reply, question.node, lambda node: self._connections[node].trusted):
                self._reroute()
        elif isinstance(question.reply, ReplyError):
            self._refusal = f"; {self._nodes[question.node].node} says: {question.reply}"

    def _reroute(self) -> None:
        """Moves what waits for a node to the node that serves its slot now."""
        waiting = [operation for connection in self._connections for operation in connection.take_waiting()]
        for operation in sorted(waiting, key=lambda each: each.intended):
            if operation.counted:  # the engine's own questions are asked anew
                self._connection_for(operation.slot).put(operation)


_ASK, _MOVED = ERROR_CODE["ASK"], ERROR_CODE["MOVED"]
_TIMEOUT, _LOST = ERROR_CODE["timeout"], ERROR_CODE["connection lost"]
_REFUSED, _NOT_SENT = ERROR_CODE["connection refused"], ERROR_CODE["not sent"]
