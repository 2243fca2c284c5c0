"""The metrics endpoint serves on loopback, and stays only as long as somebody comes."""

from __future__ import annotations

import asyncio
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from chaos.errors import EnvironmentLacks
from chaos.telemetry import endpoint as module
from chaos.telemetry.endpoint import Endpoint


def render(accept: str) -> tuple[str, bytes]:
    return "text/plain; version=0.0.4", b"up 1\n"


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    serving = Endpoint(render)
    yield serving
    serving.close()


@pytest.fixture
def taken() -> Iterator[int]:
    """A port of the loopback address on which somebody listens already."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=5) as answer:
        body: bytes = answer.read()
        return body


def scrape(endpoint: Endpoint) -> bytes:
    """One scrape, and the wait until it is counted: that follows the answer."""
    before = endpoint.scrapes
    body = get(endpoint.url)
    deadline = time.monotonic() + 5
    while endpoint.scrapes == before and time.monotonic() < deadline:
        time.sleep(0.001)
    return body


def test_serves_what_is_rendered(endpoint: Endpoint) -> None:
    """A GET of its URL answers with what was rendered and counts as a scrape."""
    assert scrape(endpoint) == b"up 1\n"
    assert endpoint.scrapes == 1


def test_other_paths_are_not_scrapes(endpoint: Endpoint) -> None:
    """Another path is not found and does not count."""
    with pytest.raises(urllib.error.HTTPError, match="404"):
        get(endpoint.url.replace("/metrics", "/favicon.ico"))
    assert endpoint.scrapes == 0


def test_the_port_asked_for_is_taken(taken: int) -> None:
    """A port that the user asked for and that is taken is said to be lacking, with the way out."""
    with pytest.raises(EnvironmentLacks, match=rf"metrics port {taken} cannot be used: .*; choose another"):
        Endpoint(render, taken)


def test_another_port_if_none_was_asked_for(taken: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the preferred port taken and none asked for, a free one is found."""
    monkeypatch.setattr(module, "PREFERRED_PORT", taken)
    serving = Endpoint(render)
    try:
        assert serving.port != taken
        assert get(serving.url) == b"up 1\n"
    finally:
        serving.close()


def test_the_port_is_free_after_closing() -> None:
    """Closing frees the port at once."""
    first = Endpoint(render, 0)
    first.close()
    Endpoint(render, first.port).close()


async def test_nobody_came_nobody_waits(endpoint: Endpoint) -> None:
    """An endpoint that was never scraped does not linger."""
    await asyncio.wait_for(endpoint.linger(seconds=600), timeout=5)


async def test_lingers_for_two_further_scrapes(endpoint: Endpoint) -> None:
    """One that was scraped stays for two more scrapes, and for no third."""
    await asyncio.to_thread(scrape, endpoint)
    lingering = asyncio.create_task(endpoint.linger(seconds=600))
    await asyncio.sleep(0)
    await asyncio.to_thread(scrape, endpoint)
    assert not lingering.done()
    await asyncio.to_thread(scrape, endpoint)
    await asyncio.wait_for(lingering, timeout=5)


async def test_lingers_no_longer_than_it_may(endpoint: Endpoint) -> None:
    """Without further scrapes it gives up after the time it was given."""
    await asyncio.to_thread(scrape, endpoint)
    await asyncio.wait_for(endpoint.linger(seconds=0.1), timeout=5)
    assert endpoint.scrapes == 1
