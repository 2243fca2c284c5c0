"""The harness's hand on the supervisor: starts processes of a run, and decides whether they outlive the harness."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from chaos.child import Child, ChildFailed
from chaos.drivers import _local_process as processes
from chaos.drivers._local_process import Process
from chaos.errors import ChaosError, NodeCallFailed

SUPERVISOR = "chaos.drivers._local_supervisor"
_START_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Program:
    """One program to start, and the file that takes what it writes."""

    name: str
    command: Sequence[str]
    folder: Path
    environment: Mapping[str, str]
    log: Path


class Parent:
    """The supervisor of one run; its process is started when it is first needed."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._child: Child | None = None
        self._turn = asyncio.Lock()
        self.trouble: str | None = None
        """Why the supervisor ended by itself, if it did."""

    async def own(self, *paths: Path) -> None:
        """Names what the supervisor removes when it is left alone."""
        (await self._supervisor()).tell({"command": "own", "remove": [str(path) for path in paths]})

    async def start(self, program: Program) -> Process | None:
        """Starts a program; None if it has ended already. Raises NodeCallFailed if there is no such program."""
        supervisor = await self._supervisor()
        supervisor.tell(
            {
                "command": "start",
                "node": program.name,
                "command_line": list(program.command),
                "folder": str(program.folder),
                "environment": dict(program.environment),
                "log": str(program.log),
            }
        )
        try:
            started = await supervisor.hear(f"started {program.name}", _START_SECONDS)
        except ChildFailed as failed:
            raise NodeCallFailed(f"start {program.name}: {failed}") from failed
        if "error" in started:
            raise NodeCallFailed(f"start {program.name}: {started['error']}")
        return processes.identify(started["pid"])

    async def end(self) -> None:
        """Ends the supervisor, and with it everything it started. Harmless when repeated."""
        if self._child:
            await self._child.end()
            self._child = None

    async def let_go(self) -> None:
        """Ends the supervisor alone: what it started lives on."""
        if self._child:
            self._child.tell({"command": "let_go"})
            await self.end()

    async def _supervisor(self) -> Child:
        async with self._turn:
            if self._child is None:
                child = Child(SUPERVISOR, "the supervisor of the nodes", lambda *_: None, self._lost, self._log)
                await child.spawn()
                self._child = child
            return self._child

    def _lost(self, error: ChaosError) -> None:
        self.trouble = str(error)
