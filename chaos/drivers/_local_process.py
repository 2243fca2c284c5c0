"""Processes of this machine: told apart from a later one with the same number, looked at, signalled, awaited.

Only the standard library is imported here: the supervisor starts with it.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

END_SECONDS = 10.0
"""How long a process that was killed may take to be gone."""
_POLL_SECONDS = 0.002
_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Process:
    """A process, and what tells it apart from every other that ever had its number."""

    pid: int
    mark: str
    """The boot and the instant of its start; on systems without /proc, the start as `ps` says it."""


@dataclass(frozen=True, slots=True)
class Look:
    """What the system says of a process number now."""

    mark: str
    stopped: bool
    """Whether it was stopped by a signal."""


def identify(pid: int) -> Process | None:
    """The living process with that number; None if there is none."""
    seen = look(pid)
    return Process(pid, seen.mark) if seen else None


def look(pid: int) -> Look | None:
    """What lives under a number now; None for nothing, or for a process that has ended and was not yet buried."""
    seen = _look_in_proc(pid) if _PROC.joinpath("self", "stat").exists() else _look_by_ps(pid)
    return None if seen is None or seen[0] in "ZX" else Look(seen[1], seen[0] in "Tt")


def state_of(process: Process) -> Look | None:
    """What the system says of this very process; None if it has ended."""
    seen = look(process.pid)
    return seen if seen and seen.mark == process.mark else None


def _look_in_proc(pid: int) -> tuple[str, str] | None:
    """State letter and mark, from fields 3, 20 and 22 of /proc/PID/stat; the program's name may hold blanks.

    A process whose first thread has ended has not ended itself: its sockets live as long as its last thread.
    """
    try:
        fields = _PROC.joinpath(str(pid), "stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    letter = "R" if fields[0] == "Z" and int(fields[17]) > 1 else fields[0]
    return letter, f"{_boot()}/{fields[19]}"


def _boot() -> str:
    """Which boot of this machine: start times count from it."""
    try:
        return _PROC.joinpath("sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _look_by_ps(pid: int) -> tuple[str, str] | None:
    said = subprocess.run(
        ["ps", "-o", "state=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False, env={"LC_ALL": "C"}
    )
    letters, _, started = said.stdout.strip().partition(" ")
    return (letters[0], started.strip()) if letters and started else None


def send(process: Process, number: signal.Signals, *, group: bool) -> bool:
    """Sends a signal to the process, or to all of the group it leads; False if it has ended, and nothing was sent."""
    if state_of(process) is None:
        return False
    try:
        if group:
            os.killpg(process.pid, number)
        else:
            os.kill(process.pid, number)
    except ProcessLookupError:
        return False
    return True


async def became(process: Process, *, stopped: bool, seconds: float = END_SECONDS) -> bool:
    """Waits until the process is stopped, or runs again; False if it ended or has not done so within `seconds`."""
    until = time.monotonic() + seconds
    while (seen := state_of(process)) and seen.stopped is not stopped:
        if time.monotonic() > until:
            return False
        await asyncio.sleep(_POLL_SECONDS)
    return seen is not None


async def ended(process: Process, seconds: float = END_SECONDS) -> bool:
    """Waits until the process has ended; False if it has not within `seconds`."""
    until = time.monotonic() + seconds
    while state_of(process) is not None:
        if time.monotonic() > until:
            return False
        await asyncio.sleep(_POLL_SECONDS)
    return True
