"""The one clock of a run: the host's monotonic clock, in seconds; wall time is only for display.

Everything timed in the controller goes through the running asyncio loop, whose clock is
this one. A test swaps the loop for a `VirtualTimeLoop`, in which sleeping costs nothing.
"""

from __future__ import annotations

import asyncio
import selectors
import time
from datetime import UTC, datetime
from typing import Any


def now() -> float:
    """Seconds on the loop's clock; outside a loop, on the host's monotonic clock."""
    try:
        return asyncio.get_running_loop().time()
    except RuntimeError:
        return time.monotonic()


def wall_offset_seconds() -> float:
    """Wall time minus monotonic time, in seconds; the pair with the tightest bracket of five."""
    brackets = []
    for _ in range(5):
        before, wall, after = time.monotonic(), time.time(), time.monotonic()
        brackets.append((after - before, wall - (before + after) / 2))
    return min(brackets)[1]


def utc(wall_seconds: float) -> str:
    """A wall time as an ISO 8601 text in UTC, to the millisecond."""
    return datetime.fromtimestamp(wall_seconds, UTC).isoformat(timespec="milliseconds")


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock jumps to the next timer: the fake clock of tests.

    It waits for no wall time, so code under it must not depend on threads or real I/O.
    """

    def __init__(self, start_seconds: float = 1000.0) -> None:
        self._virtual_seconds = start_seconds
        super().__init__(_JumpingSelector(self))

    def time(self) -> float:
        return self._virtual_seconds

    def advance(self, seconds: float) -> None:
        """Moves the clock forward; called by the selector in place of waiting."""
        self._virtual_seconds += seconds


class _JumpingSelector(selectors.DefaultSelector):
    """A selector that advances virtual time instead of blocking when nothing is ready."""

    def __init__(self, loop: VirtualTimeLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if ready:
            return ready
        if timeout is None:
            raise RuntimeError("virtual time stands still: every task waits for something that never comes")
        self._loop.advance(max(0.0, timeout))
        return ready
