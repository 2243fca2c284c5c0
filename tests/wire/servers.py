"""One real Redis server on a free loopback port."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

from tests.load.redis_servers import ask, wait_until

BINARY = shutil.which("redis-server")


class Server:
    """A server process with Redis directives as keywords, underscores for their hyphens."""

    def __init__(self, directory: Path, port: int, **settings: Any) -> None:
        assert BINARY, "redis-server is not installed"
        self.port = port
        choices = {"port": port, "bind": "127.0.0.1", "save": "", "dir": directory, **settings}
        words = [word for name, value in choices.items() for word in (f"--{name.replace('_', '-')}", str(value))]
        self._log = (directory / "server.log").open("ab")
        self.process = subprocess.Popen(
            [BINARY, *words], stdin=subprocess.DEVNULL, stdout=self._log, start_new_session=True
        )
        wait_until(self._answers, f"the server on port {port} answers")

    def _answers(self) -> bool:
        assert self.process.poll() is None, "the server ended"
        try:
            return bool(self.ask("PING"))
        except OSError:
            return False

    def ask(self, *words: str | int) -> Any:
        return ask(self.port, *words)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self._log.close()
