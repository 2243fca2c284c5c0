"""The supervisor: the parent of a run's local servers, so that they end with the harness, however it ends.

Runs as `python -m chaos.drivers._local_supervisor`. Orders come as JSON lines on standard input, answers leave
as JSON lines. When its input ends it kills every server and removes what they had on disk. Only the standard
library is imported: starting it is part of every run's build time.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

_END_SECONDS = 5.0


class Supervisor:
    """Starts servers, buries those that end, and at the end of its own life takes all of them along."""

    def __init__(self) -> None:
        self._servers: dict[int, subprocess.Popen[bytes]] = {}
        self._remove: list[Path] = []
        self._torn = b""

    def run(self) -> None:
        """Carries out orders until told to let go, or left alone."""
        buried, bury = os.pipe()
        os.set_blocking(bury, False)
        signal.set_wakeup_fd(bury)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # its only use is to wake the loop
        while True:
            readable, _, _ = select.select([sys.stdin.fileno(), buried], (), ())
            if buried in readable:
                os.read(buried, 1 << 12)
                self._bury()
            if sys.stdin.fileno() in readable and not self._take():
                return

    def _take(self) -> bool:
        """Carries out what has been ordered; False when there is nothing more to do."""
        chunk = os.read(sys.stdin.fileno(), 1 << 16)
        if not chunk:
            self.end()
            return False
        *whole, self._torn = (self._torn + chunk).split(b"\n")
        for order in map(json.loads, whole):
            match order["command"]:
                case "own":
                    self._remove = [Path(path) for path in order["remove"]]
                case "start":
                    self._start(order)
                case "let_go":
                    return False
        return True

    def _start(self, order: dict[str, Any]) -> None:
        """Starts one server in a session of its own: a signal to the harness's terminal never reaches it."""
        event = f"started {order['node']}"
        try:
            with open(order["log"], "ab") as log:
                server = subprocess.Popen(
                    order["command_line"],
                    cwd=order["folder"],
                    env=order["environment"],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
        except OSError as error:
            _say(event, {"error": f"{order['command_line'][0]}: {error.strerror}"})
            return
        self._servers[server.pid] = server
        _say(event, {"pid": server.pid})

    def _bury(self) -> None:
        """Takes note of servers that have ended, so that their process numbers are free again."""
        for pid, server in list(self._servers.items()):
            if server.poll() is not None:
                del self._servers[pid]

    def end(self) -> None:
        """Kills every server with all it forked, and removes what they had on disk."""
        self._bury()
        for pid in self._servers:  # ours until it is buried: the number cannot be another's
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
        for server in self._servers.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                server.wait(_END_SECONDS)
        for path in self._remove:
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    supervisor = Supervisor()
    try:
        _say("ready", {})
        supervisor.run()
    except SystemExit:
        supervisor.end()


def _say(event: str, data: dict[str, Any]) -> None:
    with contextlib.suppress(BrokenPipeError):  # the harness has just gone: the end of the orders comes next
        sys.stdout.write(json.dumps({"event": event, "data": data}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
