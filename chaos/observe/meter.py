"""The meter: one loop that sends every beat on time, reads every answer at once, and polls views in between."""

from __future__ import annotations

import gc
import json
import os
import resource
import select
import selectors
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from chaos.archive.run_directory import RunDirectory
from chaos.model.operation import BEAT_FIELDS, RowDescription
from chaos.observe.arrival import STAMPED, ArrivalClock
from chaos.observe.canary import TIMEOUT_SECONDS, Canary
from chaos.observe.link import Link, Take
from chaos.observe.observer import ObserverOrder, ObserverTotals
from chaos.observe.viewer import Teller, Viewer
from chaos.wire.cluster_nodes import Names

FLUSH_SECONDS = 0.25
LOOK_SECONDS = 0.02
"""How often broken connections are looked for."""
TELL_SECONDS = 0.02
"""The least time between two looks at all views together."""


class Meter:
    """Watches what an order names until `stopping` is set; `emit` takes events."""

    def __init__(self, order: ObserverOrder, emit: Callable[[str, dict[str, Any]], None]) -> None:
        self._order, self._emit = order, emit
        self._names = [node.name for node in order.nodes]
        self._rows = bytearray()
        directory = RunDirectory(Path(order.run_directory))
        self._beats_file = directory.beats.open("ab", buffering=0)
        self._views_file = directory.views.open("a", encoding="utf-8")
        description = RowDescription(fields=BEAT_FIELDS, nodes=tuple(self._names))
        directory.beats_description.write_text(description.model_dump_json(indent=1), encoding="utf-8")
        self._clock = ArrivalClock()
        self._links: list[Link] = []
        self._down: list[Link] = []
        self._look_at = 0.0
        self._canaries = [self._canary(shard) for shard in order.shard_slots]
        self._viewer = Viewer(self._names, self._link, self._member_names(), self._views_file, self._views_changed)
        self._teller = Teller(order.shard_slots, emit)
        self._rare = selectors.DefaultSelector()
        """What seldom has news, the orders and the ends of processes: one descriptor for the loop to wait on."""
        self._alive_at = time.monotonic()
        for node in order.nodes:
            self.watch(node.name, node.pid)
        self._lateness: list[float] = []
        self._to_tell = self._told_ready = self._looking = self.stopping = False

    def _link(self, node: int, take: Take) -> Link:
        observed = self._order.nodes[node]
        link = Link(node, observed.reach_host, observed.reach_port, self._order.password, take, self._clock)
        self._links.append(link)
        return link

    def _canary(self, shard: int) -> Canary:
        """The nodes of a shard as planned: node k serves shard (k mod shards) + 1, masters first."""
        shards = len(self._order.shard_slots)
        members = [index for index in range(len(self._names)) if index % shards == shard - 1]
        addresses = {node.address: index for index, node in enumerate(self._order.nodes)}
        key = self._order.canary_keys[shard]
        return Canary(shard, key, members, self._link, self._names, addresses, self._rows, self._emit)

    def _member_names(self) -> Names:
        return Names(
            by_id={node.member_id: node.name for node in self._order.nodes},
            by_address={node.address: node.name for node in self._order.nodes},
        )

    def watch(self, node: str, pid: int | None) -> None:
        """Watches a server process for its end; where the system has no pidfd, broken connections must do."""
        if pid is None or not hasattr(os, "pidfd_open"):
            return
        with suppress(OSError):
            self._rare.register(os.pidfd_open(pid), selectors.EVENT_READ, (node, pid))

    def look(self) -> None:
        """Reads every node's whole view anew and says `looked`."""
        self._looking = True
        self._viewer.look()

    def run(self, orders: int, take_orders: Callable[[], None]) -> ObserverTotals:
        """The loop: `take_orders` is called whenever the descriptor `orders` has something to read."""
        gc.disable()  # nothing here makes cycles, and a collection would delay a beat
        self._rare.register(orders, selectors.EVENT_READ)
        began, processor = time.monotonic(), _processor_seconds()
        due = flush_at = began
        tell_at = 0.0
        while not self.stopping:
            now = time.monotonic()
            if now >= due:
                self._tick(now, now - due)
                due += self._order.beat_seconds
                if due <= now:
                    due = now + self._order.beat_seconds  # too late for some beats: left out, not sent in a burst
                if now >= flush_at:
                    self._flush()
                    flush_at = now + FLUSH_SECONDS
                if self._looking and self._viewer.looked:
                    self._looking = False
                    self._emit("looked", {})
                if self._to_tell and now >= tell_at and self._viewer.complete:
                    self._tell(now)
                    tell_at = now + TELL_SECONDS
            self._wait(due, take_orders)
        self._finish()
        self._close()
        return self._totals(time.monotonic() - began, _processor_seconds() - processor)

    def _tick(self, now: float, lateness: float) -> None:
        self._lateness.append(lateness)
        if self._down or now >= self._look_at:
            self._look_at = now + LOOK_SECONDS
            self._down = [link for link in self._links if not link.up]
            for link in self._down:
                link.keep(now)
        if STAMPED:
            for link in self._links:
                if link.pending and link.up:
                    link.take(link, now)
        refusing = False
        for canary in self._canaries:
            canary.beat(now, lateness)
            refusing = refusing or canary.refusing
        self._viewer.tick(now, self._order.outage_poll_seconds if refusing else self._order.poll_seconds)

    def _wait(self, until: float, take_orders: Callable[[], None]) -> None:
        """Waits for what may come until the next beat, and takes it.

        Where the kernel stamps what arrives, answers are read at the next beat: that they lie there does
        no harm, and one wake-up a beat instead of one an answer is what makes the meter cheap.
        """
        links = [] if STAMPED else self._links
        answering: dict[Any, Link] = {link.socket: link for link in links if link.pending and link.up}
        dialling: dict[Any, Link] = {link.socket: link for link in self._down if link.connecting}
        waiting: list[Any] = [*answering, self._rare]
        while not self.stopping:
            left = until - time.monotonic()
            if left <= 0:
                return
            readable, writable, _ = select.select(waiting, list(dialling), (), left)
            now = time.monotonic()
            for ready in readable:
                link = answering.get(ready)
                if link is None:
                    self._take_rare(now, take_orders)
                elif link.socket is ready:
                    link.take(link, now)
                    if link.socket is not ready:
                        waiting.remove(ready)
            for ready in writable:
                dialling.pop(ready).connected(now)
            self._alive_at = now

    def _finish(self) -> None:
        """Takes the answers to the last beats, for as long as they are in time."""
        until = time.monotonic() + TIMEOUT_SECONDS
        while any(canary.waits for canary in self._canaries) and (left := until - time.monotonic()) > 0:
            answering: dict[Any, Link] = {link.socket: link for link in self._links if link.pending and link.up}
            for ready in select.select(list(answering), (), (), left)[0]:
                answering[ready].take(answering[ready], time.monotonic())
        for canary in self._canaries:
            canary.finish()

    def _take_rare(self, now: float, take_orders: Callable[[], None]) -> None:
        """An order has come, or a server process has ended."""
        for key, _ in self._rare.select(0):
            if key.data is None:
                take_orders()
            else:
                node, pid = key.data
                self._rare.unregister(key.fd)
                os.close(key.fd)
                self._emit("process_ended", {"node": node, "pid": pid, "after": self._alive_at, "at": now})

    def _views_changed(self) -> None:
        self._to_tell = True

    def _tell(self, now: float) -> None:
        self._to_tell = False
        views = self._viewer.views
        refusing = frozenset(canary.shard for canary in self._canaries if canary.refusing)
        self._teller.tell(views, now, refusing)
        for canary in self._canaries:
            owner = self._teller.owner(canary.shard)
            leader = next((view.itself for view in views if view.observer == owner and view.itself), None)
            if leader:
                followers = {view.observer for view in views if view.itself and view.itself.follows == leader.id}
                canary.candidates = tuple(sorted(self._names.index(node) for node in followers))

    def _flush(self) -> None:
        self._clock.refresh()
        self._beats_file.write(self._rows)
        self._rows.clear()
        self._views_file.flush()
        ready = self._viewer.complete and not any(canary.refusing for canary in self._canaries)
        if ready and not self._told_ready:
            self._told_ready = True
            self._emit("ready", {})

    def _close(self) -> None:
        self._flush()
        self._beats_file.close()
        self._views_file.close()

    def _totals(self, seconds: float, processor_seconds: float) -> ObserverTotals:
        lateness = sorted(self._lateness)
        return ObserverTotals(
            beats=len(lateness) * len(self._canaries),
            polls=self._viewer.polls,
            views=self._viewer.changes,
            seconds=seconds,
            processor_seconds=processor_seconds,
            lateness_p99_seconds=lateness[int(len(lateness) * 0.99)],
            lateness_max_seconds=lateness[-1],
        )


def _processor_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def line(event: str, data: dict[str, Any]) -> str:
    """One event on the pipe."""
    return json.dumps({"event": event, "data": data}, separators=(",", ":")) + "\n"
