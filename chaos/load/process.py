"""The controller's handle on a load's process. Locust itself is never imported here."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import chaos
from chaos.errors import ChaosError
from chaos.load.load import Command, LoadOrder, LoadTotals, Said
from chaos.model.operation import LoadProgress

START_SECONDS = 30.0
"""For the import of Locust on a busy machine; connecting has its own time on top."""
STOP_SECONDS = 30.0
"""On top of the load's own time-outs, for ending in order."""
LOG_FILE = "load.log"


class LoadProcess:
    """A load in a child process, talked to by JSON lines; implements `Load`.

    `on_failure` is called once if the child ends without having been told to; every call then
    raises the same ChaosError. The child ends at the end of its standard input, so it does not
    outlive this process.
    """

    def __init__(
        self, log: Path, on_progress: Callable[[LoadProgress], None], on_failure: Callable[[ChaosError], None]
    ) -> None:
        self._log, self._on_progress, self._on_failure = log, on_progress, on_failure
        self._process: Process | None = None
        self._listener: asyncio.Task[None] | None = None
        self._heard: dict[str, asyncio.Future[Said]] = {}
        self._failure: ChaosError | None = None
        self._ending = False
        self._timeout = 0.0

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    async def spawn(self) -> None:
        words = (sys.executable, "-P", "-m", "chaos.load")  # -P: no file in the user's folder shadows a library
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *words, stdin=PIPE, stdout=PIPE, stderr=log, env=_environment(), start_new_session=True
            )
        loop = asyncio.get_running_loop()
        self._heard = {event: loop.create_future() for event in ("imported", "ready", "stopped")}
        self._listener = asyncio.create_task(self._listen(self._process))
        self._listener.add_done_callback(self._note_listener_end)
        await self._await("imported", START_SECONDS)

    async def order(self, order: LoadOrder) -> None:
        self._timeout = order.timeout
        self._send(order.model_dump_json())
        await self._await("ready", START_SECONDS + order.connect_timeout)

    async def begin(self) -> None:
        self._send(Command(command="begin").model_dump_json())

    async def trial(self, number: int) -> None:
        self._send(Command(command="trial", number=number).model_dump_json())

    async def stop(self) -> LoadTotals:
        self._send(Command(command="stop").model_dump_json())
        said = await self._await("stopped", STOP_SECONDS + 4 * self._timeout)
        if said.totals is None:
            raise ChaosError("the load's process stopped without its totals")
        assert self._process
        await asyncio.wait_for(self._process.wait(), STOP_SECONDS)
        return said.totals

    async def kill(self) -> None:
        self._ending = True
        if self._process is None:
            return
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
        if self._listener:
            await asyncio.wait([self._listener])

    def _send(self, line: str) -> None:
        if self._failure:
            raise self._failure
        if self._process is None or self._process.stdin is None:
            raise ChaosError("the load's process was never spawned")
        self._process.stdin.write(line.encode() + b"\n")

    async def _await(self, event: str, timeout_seconds: float) -> Said:
        """The first event of that name; raises ChaosError if it does not come in time or at all."""
        try:
            return await asyncio.wait_for(asyncio.shield(self._heard[event]), timeout_seconds)
        except TimeoutError:
            message = f"the load's process did not say '{event}' within {timeout_seconds:g} s; see {self._log}"
            raise ChaosError(message) from None

    async def _listen(self, process: Process) -> None:
        """Takes in events until the child's end, and says so if nobody told it to end."""
        assert process.stdout
        reason = ""
        async for line in process.stdout:
            said = Said.model_validate_json(line)
            if said.progress:
                self._on_progress(said.progress)
            elif said.event == "failed":
                reason = said.reason or ""
            elif not self._heard[said.event].done():
                self._heard[said.event].set_result(said)
        code = await process.wait()
        if not self._heard["stopped"].done():
            self._fail(reason or f"it ended by itself with exit code {code}")

    def _note_listener_end(self, listener: asyncio.Task[None]) -> None:
        """A line that cannot be understood, or a callback that raises, ends the load too: nobody listens any more."""
        if not listener.cancelled() and (error := listener.exception()):
            self._fail(f"{type(error).__name__}: {error}")

    def _fail(self, reason: str) -> None:
        self._failure = ChaosError(f"the load's process failed: {reason} (see {self._log})")
        for future in self._heard.values():
            if not future.done():
                future.set_exception(self._failure)
                future.exception()  # nobody may be waiting for it
        if not self._ending:
            self._on_failure(self._failure)


def _environment() -> dict[str, str]:
    """Ours, with this package to be found first: it need not be installed."""
    inherited = os.environ.get("PYTHONPATH")
    folders = [str(Path(chaos.__file__).parents[1]), *([inherited] if inherited else [])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(folders)}
