"""The controller's questions to nodes: one kept connection each, several requests in one go, one time-out for all."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from chaos.errors import NodeCallFailed
from chaos.model.node import Endpoint
from chaos.wire.resp import ReplyError, pack, reader

Request = Sequence[bytes | str | int]


class Caller:
    """Asks nodes by endpoint; a connection that fails is dropped and made again at the next question."""

    def __init__(self) -> None:
        self._connections: dict[tuple[str, int], _Connection] = {}

    async def call(self, endpoint: Endpoint, *requests: Request, timeout_seconds: float = 1.0) -> list[Any]:
        """The replies in order; error replies are returned as ReplyError values.

        Raises NodeCallFailed when the node cannot be reached or does not answer in time.
        """
        place = (endpoint.host, endpoint.port)
        connection = self._connections.setdefault(place, _Connection(endpoint))
        try:
            async with asyncio.timeout(timeout_seconds):
                return await connection.call(requests)
        except (OSError, TimeoutError, EOFError) as error:
            reason = str(error) or f"no answer within {timeout_seconds:g} s"
            raise NodeCallFailed(f"{endpoint}: {reason}") from error

    async def close(self) -> None:
        """Closes every connection and waits until it is gone."""
        closing = [connection.close() for connection in self._connections.values()]
        self._connections.clear()
        await asyncio.gather(*closing)


class _Connection:
    """One connection to one node, used by one question at a time."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._turn = asyncio.Lock()

    async def call(self, requests: Sequence[Request]) -> list[Any]:
        async with self._turn:
            try:
                return await self._exchange(requests)
            except BaseException:  # a cancelled question leaves its answer in the pipe: nobody may read it later
                self.drop()
                raise

    async def _exchange(self, requests: Sequence[Request]) -> list[Any]:
        greeting = 0
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._endpoint.host, self._endpoint.port)
            self._parser = reader()
            if self._endpoint.password is not None:
                requests, greeting = [("AUTH", self._endpoint.password), *requests], 1
        source, sink = self._streams
        sink.write(b"".join(pack(*request) for request in requests))
        replies: list[Any] = []
        while len(replies) < len(requests):
            reply = self._parser.gets()
            if reply is not False:
                replies.append(reply)
                continue
            chunk = await source.read(1 << 16)
            if not chunk:
                raise EOFError("connection closed")
            self._parser.feed(chunk)
        return replies[greeting:]

    def drop(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    async def close(self) -> None:
        if self._streams is not None:
            sink = self._streams[1]
            self.drop()
            with suppress(OSError):  # a connection that breaks while it is closed is closed
                await sink.wait_closed()


def text(reply: Any) -> str:
    """A bulk reply as text; raises NodeCallFailed if it is an error reply."""
    if isinstance(reply, ReplyError):
        raise NodeCallFailed(str(reply))
    return reply.decode() if isinstance(reply, bytes) else str(reply)


def fields(info: str) -> dict[str, str]:
    """The `name:value` lines of INFO and CLUSTER INFO."""
    pairs = (line.split(":", 1) for line in info.splitlines() if ":" in line and line[0] != "#")
    return {name: value for name, value in pairs}
