"""The host's own noise during a trial: how much the machine was in the way of what is measured."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
_STEAL_COLUMN = 8
"""Where `steal` stands in the first line of /proc/stat (proc(5)); its line begins with the word `cpu`."""
_STEAL_COLUMNS_IN_ALL = 9
"""The columns up to `steal` make up all of the time: `guest` after it is counted in `user` already."""


@dataclass(frozen=True, slots=True)
class Look:
    """One look at the kernel's counters; None for one that this system has not got."""

    at: float
    stalled_microseconds: int | None
    """How long some task waited for a processor, since the start of the machine."""
    steal_ticks: int | None
    """How long a processor was taken away by the hypervisor."""
    all_ticks: int | None


class HostNoise:
    """Noise between `start` and `read`."""

    def __init__(self, proc: Path = PROC, now: Callable[[], float] = time.monotonic) -> None:
        self._proc, self._now = proc, now
        self._start = self._look()

    def start(self) -> None:
        """Begins the interval anew."""
        self._start = self._look()

    def read(self) -> dict[str, float]:
        """The noise since `start`; a figure that this system does not tell is left out.

        `cpu_pressure_share`: the share of the time, 0 … 1, in which some task waited for a processor;
        `steal_share`: the share of all processor time that the hypervisor gave to others;
        `load_1m`: the load average of the last minute; `cpu_count`.
        """
        return noise(self._start, self._look()) | _load_and_processors()

    def _look(self) -> Look:
        steal, in_all = _steal(_text(self._proc / "stat"))
        return Look(self._now(), _stalled(_text(self._proc / "pressure" / "cpu")), steal, in_all)


def noise(before: Look, after: Look) -> dict[str, float]:
    """The shares between two looks; one that cannot be told is left out."""
    shares: dict[str, float] = {}
    seconds = after.at - before.at
    if before.stalled_microseconds is not None and after.stalled_microseconds is not None and seconds > 0:
        shares["cpu_pressure_share"] = (after.stalled_microseconds - before.stalled_microseconds) / 1e6 / seconds
    if before.steal_ticks is not None and after.steal_ticks is not None and before.all_ticks and after.all_ticks:
        ticks = after.all_ticks - before.all_ticks
        if ticks > 0:
            shares["steal_share"] = (after.steal_ticks - before.steal_ticks) / ticks
    return {name: round(min(1.0, max(0.0, share)), 4) for name, share in shares.items()}


def _load_and_processors() -> dict[str, float]:
    try:
        figures = {"load_1m": os.getloadavg()[0]}
    except OSError:
        figures = {}
    return figures | {"cpu_count": float(os.cpu_count() or 1)}


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except OSError:  # another system, an older kernel, or pressure accounting switched off
        return ""


def _stalled(pressure: str) -> int | None:
    """From `some avg10=0.00 avg60=0.00 avg300=0.00 total=12345` (the kernel's Documentation/accounting/psi.rst)."""
    for line in pressure.splitlines():
        words = line.split()
        if words and words[0] == "some":
            return int(words[-1].removeprefix("total="))
    return None


def _steal(stat: str) -> tuple[int | None, int | None]:
    columns = stat.partition("\n")[0].split()
    if len(columns) < _STEAL_COLUMNS_IN_ALL or columns[0] != "cpu":
        return None, None
    return int(columns[_STEAL_COLUMN]), sum(int(ticks) for ticks in columns[1:_STEAL_COLUMNS_IN_ALL])
