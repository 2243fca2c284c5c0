"""The observer seam: what watches the cluster from outside, never through the load, and never stops for anybody."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from chaos.model.record import Record

BEAT_SECONDS = 0.002
"""The canary's period: one write to each shard's master."""
POLL_SECONDS = 0.04
"""How often each node is asked for its view while every shard serves: a poll costs as much as a beat."""
OUTAGE_POLL_SECONDS = 0.005
"""The same while any shard refuses writes; larger clusters are polled more slowly (see POLLS_PER_SECOND)."""


class ObservedNode(Record):
    """One node as the observer is told of it."""

    name: str
    member_id: str
    address: str
    """`host:port` as the members know it."""
    reach_host: str
    reach_port: int
    pid: int | None
    """The server's process id on this host, where it can be seen from here."""


class ObserverOrder(Record):
    """What to watch; sent over a pipe, never written down, for it holds the password."""

    run_directory: str
    protocol: str
    nodes: tuple[ObservedNode, ...]
    """In the order of the plan: a row's `node` is an index into it."""
    shard_slots: dict[int, tuple[tuple[int, int], ...]]
    canary_keys: dict[int, str]
    password: str | None = None
    beat_seconds: float = BEAT_SECONDS
    poll_seconds: float = POLL_SECONDS
    outage_poll_seconds: float = OUTAGE_POLL_SECONDS


class ObserverTotals(Record):
    """What watching took."""

    beats: int
    polls: int
    views: int
    """Changes of view that were written."""
    seconds: float
    processor_seconds: float
    lateness_p99_seconds: float
    lateness_max_seconds: float


class Observer(Protocol):
    """Canaries and the polling of views, as the runner uses them.

    Beats, views and their descriptions go to the run directory; sightings are passed on as
    (event name, data) the moment they are made.
    """

    async def spawn(self) -> None:
        """Gets ready to take an order, which may take long; nothing is watched yet."""

    async def start(self, order: ObserverOrder) -> None:
        """Watches from now on; returns once every shard has acknowledged a beat and every node has been read."""

    def watch(self, node: str, pid: int | None) -> None:
        """A node has come back with another process id."""

    async def look(self) -> None:
        """Returns once every node has been asked for its whole view anew, and has answered or proved unreachable."""

    async def stop(self) -> ObserverTotals:
        """Ends the watching and completes the files."""

    async def end(self) -> None:
        """Ends it at once, in any state; harmless when repeated."""


Sighted = Callable[[str, dict[str, Any]], None]
"""Receives an event name of `chaos.model.event` and its data."""
