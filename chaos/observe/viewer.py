"""The polling of views: each node is asked in turn what it believes; what changes is written and told."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Any

from chaos.archive.views import to_line
from chaos.model.view import FAILED, HEALTHY, SlotRanges, View, ViewChange, shard_owner
from chaos.observe.link import Link, OpenLink, Sent
from chaos.observe.observer import Sighted
from chaos.wire.caller import fields
from chaos.wire.cluster_nodes import Names, read_members
from chaos.wire.resp import ReplyError, pack

SILENT_AFTER_SECONDS = 0.25
"""A node that has not answered a poll for this long is noted as unreachable."""
RECONNECT_AFTER_SECONDS = 0.5
STATE_EVERY = 5
"""Every so many polls a node is also asked for the cluster's state and its replication link."""
POLLS_PER_SECOND = 400
"""The most polls of all nodes together: larger clusters are polled more slowly."""

_MEMBERS, _STATE, _LINK = "members", "state", "link"
_REQUESTS = {
    _MEMBERS: pack("CLUSTER", "NODES"),
    _STATE: pack("CLUSTER", "INFO"),
    _LINK: pack("INFO", "replication"),
}


_CLOCKS = re.compile(rb"\d+ \d+ (?=\d+ (?:dis)?connected)")


class Viewer:
    """Asks every node; keeps the newest view of each. Times are monotonic seconds."""

    def __init__(
        self,
        node_names: Sequence[str],
        open_link: OpenLink,
        names: Names,
        file: IO[str],
        told: Callable[[], None],
    ) -> None:
        self._links = [open_link(node, self.receive) for node in range(len(node_names))]
        self.polls = self.changes = 0
        self._watched = [_Watched(number, name) for number, name in enumerate(node_names)]
        self._names, self._file, self._told = names, file, told
        self._turn = 0
        self._due = 0.0
        self._to_look_at: set[int] = set()

    @property
    def views(self) -> list[View]:
        """The newest view of every node that was read so far."""
        return [watched.view for watched in self._watched if watched.view is not None]

    @property
    def complete(self) -> bool:
        """Whether every node has been read once."""
        return len(self.views) == len(self._watched)

    @property
    def looked(self) -> bool:
        """Whether nothing is left of the last `look`."""
        return not self._to_look_at

    def look(self) -> None:
        """From now on each node is asked for everything, until it has answered or proved unreachable."""
        self._to_look_at = set(range(len(self._links)))

    def tick(self, now: float, period: float) -> None:
        """Asks the nodes whose turn it is, so that each is asked once in `period`, evenly spread."""
        step = max(period / len(self._links), 1 / POLLS_PER_SECOND)
        if now - self._due > period:
            self._due = now  # after a pause of our own: go on, do not catch up
        while self._due <= now:
            self._due += step
            self._ask(self._turn, now)
            self._turn = (self._turn + 1) % len(self._links)

    def _ask(self, node: int, now: float) -> None:
        link, watched = self._links[node], self._watched[node]
        if link.pending:
            waited = now - link.pending[0].sent
            if waited > RECONNECT_AFTER_SECONDS and link.up:
                link.drop(now, "timeout")
            if waited > SILENT_AFTER_SECONDS or not link.up:
                self._unreachable(watched, now)
            if not link.up:
                link.pending.clear()
            return
        if not link.up:
            self._unreachable(watched, now)
            return
        watched.asked += 1
        everything = watched.asked % STATE_EVERY == 1 or node in self._to_look_at or watched.unsettled
        watched.asked_everything = everything
        kinds = (_STATE, _LINK, _MEMBERS) if everything else (_MEMBERS,)
        for kind in kinds:
            if not link.send(_REQUESTS[kind], Sent(now, 0.0, about=kind), now):
                return
        self.polls += 1

    def receive(self, link: Link, now: float) -> None:
        """Takes the answers that have arrived on one of the viewer's links."""
        watched = self._watched[link.node]
        for sent, reply in link.receive(now):
            if isinstance(reply, ReplyError) or not isinstance(reply, bytes):
                continue  # the greeting, or a node that is loading: the next poll tells
            if sent.about == _STATE:
                watched.beside_before, watched.beside_at = watched.beside_at, sent.sent
                watched.state = fields(reply.decode()).get("cluster_state")
            elif sent.about == _LINK:
                watched.link = fields(reply.decode()).get("master_link_status")
            else:
                self._members(watched, sent.sent, reply, link.arrived)

    def _members(self, watched: _Watched, asked_at: float, reply: bytes, now: float) -> None:
        fingerprint = (watched.state, watched.link, _fingerprint(reply))
        if fingerprint != watched.fingerprint:
            watched.fingerprint = fingerprint
            members = read_members(reply.decode(), self._names, watched.name)
            self._changed(watched, View(watched.name, members, True, watched.state, watched.link), now)
        watched.confirmed_at = asked_at
        if watched.asked_everything:
            self._to_look_at.discard(watched.number)

    def _unreachable(self, watched: _Watched, now: float) -> None:
        self._to_look_at.discard(watched.number)
        if watched.view is not None and watched.view.reachable:
            self._changed(watched, View(watched.name, reachable=False), now)
            watched.forget()

    def _changed(self, watched: _Watched, view: View, now: float) -> None:
        if view == watched.view:
            return
        change = ViewChange(after=watched.still_as_before_at(view) or now, at=now, view=view)
        watched.view = view
        self._file.write(to_line(0, change))
        self.changes += 1
        self._told()


class _Watched:
    """What is known of one node's view."""

    __slots__ = (
        "asked", "asked_everything", "beside_at", "beside_before", "confirmed_at", "fingerprint", "link", "name",
        "number", "state", "view",
    )  # fmt: skip

    def __init__(self, number: int, name: str) -> None:
        self.number, self.name = number, name
        self.view: View | None = None
        self.confirmed_at = 0.0
        """When it was last asked and still believed `view`."""
        self.fingerprint: Any = None
        self.state: str | None = None
        self.link: str | None = None
        self.beside_at = self.beside_before = 0.0
        """When state and link were asked last, and the time before: they are asked more seldom than the members."""
        self.asked = 0
        self.asked_everything = False
        """Whether the poll on its way asks for state and link too."""

    def still_as_before_at(self, view: View) -> float:
        """When the node last believed something else than `view`, as far as it was asked; 0 if it never was."""
        before = self.view
        if before is None or not (before.reachable and view.reachable):
            return self.confirmed_at
        beside_changed = (before.state, before.link) != (view.state, view.link)
        return min(self.beside_before, self.confirmed_at) if beside_changed else self.confirmed_at

    def forget(self) -> None:
        """A node that comes back is asked everything at once: what it said before its silence is worth nothing."""
        self.fingerprint = self.state = self.link = None
        self.asked = 0

    @property
    def unsettled(self) -> bool:
        """Whether its state or its link is not as it should be: then the moment at which it will be matters."""
        return self.state != "ok" or self.link == "down"


def _fingerprint(reply: bytes) -> bytes:
    """All of a CLUSTER NODES reply but its clocks: ping and pong change all the time."""
    return _CLOCKS.sub(b"", reply)


class Teller:
    """Turns the newest views into events: suspicions, failures, promotions, roles."""

    def __init__(self, shard_slots: Mapping[int, SlotRanges], sighted: Sighted) -> None:
        self._shards, self._sighted = shard_slots, sighted
        self._health: dict[tuple[str, str], str] = {}
        self._owners: dict[int, str] = {}
        self._roles: dict[str, str] = {}
        self._slots_served = -1

    def tell(self, views: Sequence[View], at: float, refusing: frozenset[int]) -> None:
        """Compares with what was told before; `refusing` are the shards that serve no writes now."""
        for view in views:
            for member in view.members:
                self._tell_health(view.observer, member.node, member.health, at)
        for shard, ranges in self._shards.items():
            owner, _ = shard_owner(views, ranges)
            if owner and self._owners.get(shard, owner) != owner:
                self._sighted("promoted", {"node": owner, "shard": shard, "at": at})
            if owner:
                self._owners[shard] = owner
        self._tell_roles(views, refusing)

    def owner(self, shard: int) -> str | None:
        """The shard's master as last told."""
        return self._owners.get(shard)

    def _tell_health(self, by: str, node: str | None, health: str, at: float) -> None:
        if node is None or self._health.get((by, node), HEALTHY) == health:
            return
        self._health[by, node] = health
        if health != HEALTHY:
            event = "member_failed" if health == FAILED else "member_suspected"
            self._sighted(event, {"node": node, "by": by, "at": at})

    def _tell_roles(self, views: Sequence[View], refusing: frozenset[int]) -> None:
        roles = {view.observer: self._role(view) for view in views}
        served = sum(
            last - first + 1
            for shard, ranges in self._shards.items()
            if shard not in refusing
            for first, last in ranges
        )
        if roles != self._roles or served != self._slots_served:
            self._roles, self._slots_served = roles, served
            self._sighted("roles", {"roles": roles, "slots_served": served})

    def _role(self, view: View) -> str:
        if not view.reachable or view.itself is None:
            return "unreachable"
        return view.itself.role
