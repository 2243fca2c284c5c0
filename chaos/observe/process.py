"""The observer in a process of its own, as the runner holds it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from chaos.child import Child, Failed
from chaos.observe.observer import ObserverOrder, ObserverTotals, Sighted

SPAWN_SECONDS = 30.0
READY_SECONDS = 15.0
LOOK_SECONDS = 10.0
STOP_SECONDS = 10.0


class ObserverProcess:
    """Implements Observer with `python -m chaos.observe`."""

    def __init__(self, log: Path, sighted: Sighted, failed: Failed) -> None:
        self._sighted = sighted
        self._child = Child("chaos.observe", "the observer's process", self._received, failed, log)

    async def spawn(self) -> None:
        await self._child.spawn()

    async def start(self, order: ObserverOrder) -> None:
        await self._child.hear("spawned", SPAWN_SECONDS)
        self._child.tell(order.model_dump())
        await self._child.hear("ready", READY_SECONDS)

    def watch(self, node: str, pid: int | None) -> None:
        self._child.tell({"command": "watch", "node": node, "pid": pid})

    async def look(self) -> None:
        self._child.tell({"command": "look"})
        await self._child.hear("looked", LOOK_SECONDS)

    async def stop(self) -> ObserverTotals:
        self._child.tell({"command": "stop"})
        self._child.may_end()
        totals = ObserverTotals.model_validate(await self._child.hear("stopped", STOP_SECONDS))
        await self._child.end()
        return totals

    async def end(self) -> None:
        await self._child.end()

    def _received(self, event: str, data: dict[str, Any]) -> None:
        if event not in ("spawned", "ready", "looked", "stopped"):
            self._sighted(event, data)
