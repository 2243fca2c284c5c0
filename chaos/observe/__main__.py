"""The observer's process: `python -m chaos.observe`. Orders come as JSON lines, events leave as JSON lines.

It ignores an interrupt from the keyboard and ends when its standard input does.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from contextlib import suppress
from typing import Any

from chaos.observe.meter import Meter, line
from chaos.observe.observer import ObserverOrder

RAISED_PRIORITY = -10
"""The loop wakes 500 times a second for a few microseconds: it hurts nobody, and must not wait behind the load."""


def main() -> None:
    """Says `spawned`, takes the order, then measures until it is told to stop or left alone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, RAISED_PRIORITY)
    orders = _Orders()
    _emit("spawned", {})
    meter = Meter(ObserverOrder.model_validate(orders.wait()), _emit)

    def take() -> None:
        for order in orders.read():
            if order["command"] == "watch":
                meter.watch(order["node"], order["pid"])
            elif order["command"] == "look":
                meter.look()
            elif order["command"] == "stop":
                meter.stopping = True

    totals = meter.run(sys.stdin.fileno(), take)
    _emit("stopped", totals.model_dump())


class _Orders:
    """The JSON lines on standard input; its end ends the process."""

    def __init__(self) -> None:
        self._torn = b""

    def read(self) -> list[dict[str, Any]]:
        chunk = os.read(sys.stdin.fileno(), 1 << 16)
        if not chunk:
            return [{"command": "stop"}]
        *whole, self._torn = (self._torn + chunk).split(b"\n")
        return [json.loads(text) for text in whole]

    def wait(self) -> dict[str, Any]:
        while not (found := self.read()):
            pass
        if found[0].get("command") == "stop":
            sys.exit(0)
        return found[0]


def _emit(event: str, data: dict[str, Any]) -> None:
    with suppress(BrokenPipeError):
        sys.stdout.write(line(event, data))
        sys.stdout.flush()


if __name__ == "__main__":
    main()
