"""The engine seam: an operation is submitted without blocking and completed by a callback.

An operation completes exactly once, with one of these outcomes:

ok        answered in time. An operation that was redirected is sent once more, within the
          time-out of its first sending, and counts by its final answer.
failed    it certainly did not happen: an error reply, a second redirection, or a refused
          connection before anything was sent.
unknown   sent, and not answered within `timeout` or before the connection broke. An answer
          that comes later is thrown away.
not sent  it could not be sent within `timeout` of its intended time (no connection was up, or
          the peer took no more bytes), or too many operations were in flight.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from chaos.model.operation import NOWHERE, Kind, Outcome


@dataclass(slots=True, eq=False)
class Operation:
    """One operation on its way; times are monotonic seconds, NaN until they come."""

    kind: Kind
    key: int
    sequence: int
    """The write sequence; 0 for a read."""
    trial: int
    slot: int
    request: bytes
    intended: float
    done: Callable[[Operation], None]
    """Called once, when the outcome is known; must not block."""
    sent: float = math.nan
    """The first sending; a redirected operation keeps it."""
    completed: float = math.nan
    """The answer's arrival, or the instant at which the operation was given up."""
    outcome: Outcome = Outcome.NOT_SENT
    error: int = 0
    reply: object = None
    node: int = NOWHERE
    """The index of the node whose answer completed it."""
    redirected: bool = False
    """It has been sent a second time: the next redirection is final."""
    counted: bool = True
    """False for a question of the engine's own, which no user waits for."""
    asking: bool = False
    """The next sending is preceded by ASKING."""

    @property
    def was_sent(self) -> bool:
        return not math.isnan(self.sent)


class Engine(Protocol):
    """Carries operations to a cluster and completes them."""

    in_flight: int
    """Operations submitted and not completed."""
    redirected: int
    """Operations that were sent a second time."""

    def connect(self, timeout_seconds: float) -> None:
        """Connects to every master; raises ConnectFailed with what is missing."""

    def submit(self, operation: Operation) -> None:
        """Takes an operation; never blocks, and may complete it before returning."""

    def drain(self) -> None:
        """Waits until nothing is in flight: at most the time-out and a moment."""


class ConnectFailed(Exception):
    """The cluster could not be reached; says which part of it."""
