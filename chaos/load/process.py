"""The controller's handle on a load's process. Locust itself is never imported here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from chaos.child import Child
from chaos.errors import ChaosError
from chaos.load.load import Command, LoadOrder, LoadTotals
from chaos.model.operation import LoadProgress

START_SECONDS = 30.0
"""For the import of Locust on a busy machine, and for connecting."""
STOP_SECONDS = 30.0
"""On top of the load's own time-outs, for ending in order."""


class LoadProcess:
    """A load in a child process; implements `Load`.

    `on_failure` is called once if the child ends without having been told to; every call then
    raises the same ChaosError. The child ends at the end of its standard input, so it does not
    outlive this process.
    """

    def __init__(
        self, log: Path, on_progress: Callable[[LoadProgress], None], on_failure: Callable[[ChaosError], None]
    ) -> None:
        self._on_progress = on_progress
        self._child = Child("chaos.load", "the load's process", self._received, on_failure, log)
        self._timeout = 0.0

    @property
    def pid(self) -> int | None:
        return self._child.pid

    async def spawn(self) -> None:
        await self._child.spawn()
        await self._child.hear("imported", START_SECONDS)

    async def order(self, order: LoadOrder) -> None:
        self._timeout = order.timeout
        self._child.tell(order.model_dump(mode="json"))
        await self._child.hear("ready", START_SECONDS)

    async def begin(self) -> None:
        self._tell(Command(command="begin"))

    async def trial(self, number: int) -> None:
        self._tell(Command(command="trial", number=number))

    async def stop(self) -> LoadTotals:
        self._tell(Command(command="stop"))
        self._child.may_end()
        said = await self._child.hear("stopped", STOP_SECONDS + 4 * self._timeout)
        await self._child.end()
        return LoadTotals.model_validate(said)

    async def kill(self) -> None:
        await self._child.end()

    def _tell(self, command: Command) -> None:
        if self._child.failure:
            raise self._child.failure
        self._child.tell(command.model_dump())

    def _received(self, event: str, data: dict[str, Any]) -> None:
        if event == "load_progress":
            self._on_progress(LoadProgress.model_validate(data))
