"""The metrics endpoint: serves `/metrics` on the loopback address and knows whether anybody came."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from chaos.errors import EnvironmentLacks

ADDRESS = "127.0.0.1"
PREFERRED_PORT = 9475
"""Tried first when the user names no port, so that a Prometheus configuration can name one."""
LINGER_SECONDS = 15.0
LINGER_SCRAPES = 2
"""How many scrapes after the end make sure that the final state was seen: one may be on its way already."""
LOOK_SECONDS = 0.05

Render = Callable[[str], tuple[str, bytes]]
"""From an HTTP Accept header to content type and body."""


class Endpoint:
    """An HTTP server in a thread of its own. Raises EnvironmentLacks if the port that was asked for is taken."""

    def __init__(self, render: Render, port: int | None = None) -> None:
        self.scrapes = 0
        self._counting = threading.Lock()
        self._server = self._bind(render, port)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True, name="metrics")
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://{ADDRESS}:{self.port}/metrics"

    async def linger(self, seconds: float = LINGER_SECONDS) -> None:
        """If it was ever scraped, waits for two further scrapes, `seconds` at most."""
        if not self.scrapes:
            return
        enough = self.scrapes + LINGER_SCRAPES
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while self.scrapes < enough and loop.time() < deadline:
            await asyncio.sleep(LOOK_SECONDS)

    def close(self) -> None:
        """Stops serving and frees the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _bind(self, render: Render, port: int | None) -> ThreadingHTTPServer:
        handler = _handler(render, self._count)
        try:
            return ThreadingHTTPServer((ADDRESS, PREFERRED_PORT if port is None else port), handler)
        except OSError as error:
            if port is None:
                return ThreadingHTTPServer((ADDRESS, 0), handler)
            raise EnvironmentLacks(
                f"the metrics port {port} cannot be used: {error.strerror}; choose another with --metrics-port"
            ) from error

    def _count(self) -> None:
        with self._counting:
            self.scrapes += 1


def _handler(render: Render, scraped: Callable[[], None]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """Answers `/metrics` and nothing else."""

        def do_GET(self) -> None:
            if self.path.partition("?")[0] != "/metrics":
                self.send_error(HTTPStatus.NOT_FOUND, "only /metrics is served here")
                return
            content_type, body = render(self.headers.get("Accept", ""))
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            scraped()

        def log_message(self, format: str, *arguments: object) -> None:
            """Scrapes are not news."""

    return Handler
