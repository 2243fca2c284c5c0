"""The steady state: what must be true of the traffic before t = 0, and the patience for it."""

from __future__ import annotations

import asyncio
from typing import Any

from chaos import clock
from chaos.errors import Inconclusive
from chaos.model.operation import LoadProgress

QUIET_SECONDS = 2.0
"""How long before t = 0 no operation may have failed."""
PATIENCE_SECONDS = 30.0
"""By how much the warm-up is extended at most."""
LOOK_SECONDS = 0.05


class Steadiness:
    """Hears of the load and the canaries; knows when something last went wrong."""

    def __init__(self) -> None:
        self._troubles = 0
        self._answered = 0
        self._last_trouble: float | None = None
        self._refusing: set[int] = set()

    def progressed(self, progress: LoadProgress) -> None:
        """Takes note of what a load has done so far."""
        counts = progress.requests
        troubles = sum(count for name, count in counts.items() if not name.endswith(" ok"))
        self._answered = sum(counts.values()) - troubles
        if troubles > self._troubles:
            self._troubles, self._last_trouble = troubles, clock.now()

    def sighted(self, event: str, data: dict[str, Any]) -> None:
        """Takes note of what a canary saw."""
        if event == "shard_unavailable":
            self._refusing.add(data["shard"])
        elif event == "shard_available":
            self._refusing.discard(data["shard"])
            self._last_trouble = clock.now()

    def wanting(self, quiet_seconds: float, *, loaded: bool) -> str | None:
        """What keeps the state from being steady, in words; None if nothing."""
        if self._refusing:
            return f"no write is acknowledged by shard {', '.join(map(str, sorted(self._refusing)))}"
        if loaded and not self._answered:
            return "no operation of the load has succeeded"
        if self._last_trouble is not None and clock.now() - self._last_trouble < quiet_seconds:
            return f"operations failed within the last {quiet_seconds:g} s ({self._troubles} in all)"
        return None

    async def wait(self, warmup_seconds: float, *, loaded: bool) -> None:
        """Lets the warm-up pass and the state become steady; raises Inconclusive if it does not."""
        quiet = min(QUIET_SECONDS, warmup_seconds)
        await asyncio.sleep(warmup_seconds)
        deadline = clock.now() + PATIENCE_SECONDS
        while wanting := self.wanting(quiet, loaded=loaded):
            if clock.now() >= deadline:
                raise Inconclusive(f"the steady state never came: {wanting}")
            await asyncio.sleep(LOOK_SECONDS)
