"""A child process of the controller: orders go in and events come out as JSON lines; its standard input is its life.

The child sits in a session of its own, so an interrupt from the keyboard does not reach it, and it
ends by itself when the pipe closes: with us, however we end.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import chaos
from chaos.errors import ChaosError

LINE_LIMIT_BYTES = 1 << 22
END_SECONDS = 5.0
"""How long a child may take to end by itself once its life pipe is closed."""

Received = Callable[[str, dict[str, Any]], None]
Failed = Callable[[ChaosError], None]


class ChildFailed(ChaosError):
    """A child of the harness ended, or said that it cannot go on."""


class Child:
    """Runs `python -m MODULE`, in words `called`, and passes on every event it sends, until it ends.

    `failed` is called once if the child ends without having been told to. A child that knows why it
    cannot go on says the event `failed` with its `reason`.
    """

    def __init__(self, module: str, called: str, received: Received, failed: Failed, log: Path) -> None:
        self._module, self._called = module, called
        self._received, self._failed, self._log = received, failed, log
        self._may_end = self._ending = False
        self._reason = ""
        self.failure: ChildFailed | None = None
        """Why the child has ended, if nobody told it to."""
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._heard: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._over: str | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    async def spawn(self) -> None:
        """Starts the process; what it writes to its standard error is kept in the log file."""
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",  # no file in the user's folder may shadow a library
                "-m",
                self._module,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                env=child_environment(),
                start_new_session=True,
                limit=LINE_LIMIT_BYTES,
            )
        self._reading = asyncio.create_task(self._read())

    async def hear(self, event: str, timeout_seconds: float) -> dict[str, Any]:
        """Waits for an event by name; raises ChildFailed if the child ends or the time-out passes first."""
        future = self._heard.setdefault(event, asyncio.get_running_loop().create_future())
        if self._over and not future.done():
            raise ChildFailed(self._over)
        try:
            async with asyncio.timeout(timeout_seconds):
                data = await asyncio.shield(future)
            self._heard.pop(event, None)  # said again, it is heard again
            return data
        except TimeoutError as error:
            raise ChildFailed(
                f"{self._called} did not say '{event}' within {timeout_seconds:g} s; see {self._log}"
            ) from error

    def tell(self, order: dict[str, Any]) -> None:
        """Sends one order; one to a child that is gone is lost, for its end is reported anyway."""
        assert self._process
        assert self._process.stdin
        if not self._process.stdin.is_closing():
            self._process.stdin.write(json.dumps(order).encode() + b"\n")

    def may_end(self) -> None:
        """From now on the child may end by itself, if all is well: it has been told to."""
        self._may_end = True

    async def end(self) -> None:
        """Closes the life pipe and waits; kills a child that does not take the hint. Harmless when repeated."""
        if self._process is None or self._reading is None:
            return
        assert self._process.stdin is not None
        self._ending = True
        self._process.stdin.close()
        try:
            async with asyncio.timeout(END_SECONDS):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        await self._reading

    async def _read(self) -> None:
        assert self._process
        assert self._process.stdout
        try:
            async for text in self._process.stdout:
                self._hear(*_event(text))
        except ValueError as error:  # a stray print, or a line beyond all measure: the pipe can be trusted no more
            self._process.kill()
            await self._process.wait()
            self._ended(f"it said what is no event: {error}", expected=self._ending)
            return
        code = await self._process.wait()
        expected = self._ending or (self._may_end and code == 0)
        self._ended(self._reason or f"it ended by itself with exit code {code}", expected=expected)

    def _hear(self, event: str, data: dict[str, Any]) -> None:
        future = self._heard.setdefault(event, asyncio.get_running_loop().create_future())
        if not future.done():
            future.set_result(data)
        if event == "failed":
            self._reason = str(data["reason"])
        else:
            self._received(event, data)

    def _ended(self, why: str, *, expected: bool) -> None:
        """Whoever still waits for a word gets the reason."""
        reason = self._over = f"{self._called} failed: {why} (see {self._log})"
        for future in self._heard.values():
            if not future.done():
                future.set_exception(ChildFailed(reason))
                future.exception()  # retrieved here: nobody may be waiting, and that is no mistake
        if not expected:
            self.failure = ChildFailed(reason)
            self._failed(self.failure)


def child_environment() -> dict[str, str]:
    """Our own environment, with this package to be found first: it need not be installed."""
    inherited = os.environ.get("PYTHONPATH")
    folders = [str(Path(chaos.__file__).parents[1]), *([inherited] if inherited else [])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(folders)}


def _event(text: bytes) -> tuple[str, dict[str, Any]]:
    """Name and data of one line; raises ValueError with the line if it is no event."""
    try:
        message = json.loads(text)
        return message["event"], message["data"]
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(repr(text[:80].decode(errors="replace"))) from error
