"""The canary of one shard: a write every beat to its master, and to the candidates while it refuses.

No retries, no routing, no pool: what it records is what the strictest client could have seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from chaos.model.operation import BEAT_FIELDS, ERROR_CODE, Outcome, row_struct
from chaos.observe.link import Link, OpenLink, Sent
from chaos.observe.observer import Sighted
from chaos.wire.resp import ReplyError, error_code, pack, redirection

REFUSING_AFTER_SECONDS = 0.01
"""A beat unanswered for this long makes the candidates be asked too: fifty ordinary round trips."""
TELL_AFTER_SECONDS = 0.05
"""A shard that refuses for this long is told of as unavailable; shorter hiccups stand in the beats only."""
SILENT_AFTER_SECONDS = 0.05
"""An open connection unanswered for this long is told of as silent."""
TIMEOUT_SECONDS = 0.25
"""A beat unanswered for this long is unknown; its answer is thrown away."""
RECONNECT_AFTER_SECONDS = 1.0
"""A connection silent for this long is made anew: after a cut, TCP's own retries come ever later."""
OUTSTANDING_BEATS = 150
"""Beats in flight on one connection; a frozen node's socket is not filled further."""

_NOTHING = float("nan")
_ROW = row_struct(BEAT_FIELDS)


class Canary:
    """Beats one shard. `rows` takes packed rows of BEAT_FIELDS; `sighted` takes events."""

    def __init__(
        self,
        shard: int,
        key: str,
        members: Sequence[int],
        open_link: OpenLink,
        names: Sequence[str],
        place_of: Mapping[str, int],
        rows: bytearray,
        sighted: Sighted,
    ) -> None:
        self.shard, self.master = shard, members[0]
        self.candidates: tuple[int, ...] = tuple(members[1:])
        """The nodes that may take over: those that follow the master."""
        self.links = {node: open_link(node, self.receive) for node in members}
        self._open_link = open_link
        self.refusing = True
        """Whether the shard's last word was not an acknowledgement."""
        self._refused_at: float | None = None
        """Since when, once the shard has ever served."""
        self._told = False
        self._request = pack("SET", key, "1")
        self._names, self._place_of = names, place_of
        self._rows, self._sighted = rows, sighted
        self._told_silent: set[int] = set()
        self._answered_at: dict[int, float] = {}

    def beat(self, now: float, lateness: float) -> None:
        """Sends this tick's writes and records what can no longer be answered in time."""
        self._send(self._link(self.master), now, lateness)
        if self.refusing:
            for candidate in self.candidates:
                if candidate != self.master:
                    self._send(self._link(candidate), now, lateness)
        for link in self.links.values():
            if link.pending:
                self._expire(link, now)
        pending = self._link(self.master).pending
        if not self.refusing and pending and now - pending[0].sent > REFUSING_AFTER_SECONDS:
            self._refuse(pending[0].sent)
        if self._refused_at is not None and not self._told and now - self._refused_at > TELL_AFTER_SECONDS:
            self._told = True
            self._sighted("shard_unavailable", {"shard": self.shard, "at": self._refused_at})

    def _link(self, node: int) -> Link:
        """The shard's own connection to a node, open from the start but for a node of another shard."""
        if node not in self.links:
            self.links[node] = self._open_link(node, self.receive)
        return self.links[node]

    def _send(self, link: Link, now: float, lateness: float) -> None:
        if link.up and len(link.pending) < OUTSTANDING_BEATS and link.send(self._request, Sent(now, lateness), now):
            return
        self._record(Sent(now, lateness), _NOTHING, link.node, Outcome.NOT_SENT, ERROR_CODE[link.trouble])
        self._tell_silent(link, now)
        if link.node == self.master:
            self._refuse(now)

    def _expire(self, link: Link, now: float) -> None:
        if not link.up:
            for sent in link.pending:
                self._give_up(link, sent, link.trouble)
            self._tell_silent(link, link.pending[0].sent)
            link.pending.clear()
            return
        for sent in link.pending:
            if sent.expired:
                continue
            if now - sent.sent <= TIMEOUT_SECONDS:
                break
            self._give_up(link, sent, "timeout")
        waited = now - link.pending[0].sent
        if waited > SILENT_AFTER_SECONDS:
            self._tell_silent(link, link.pending[0].sent)
        if waited > RECONNECT_AFTER_SECONDS:
            link.drop(now, "timeout")

    def receive(self, link: Link, now: float) -> None:
        """Takes the answers that have arrived on one of the canary's links."""
        for sent, reply in link.receive(now):
            self._answered_at[link.node] = sent.sent
            self._told_silent.discard(link.node)
            if sent.about is not None or sent.expired:
                continue
            if link.arrived - sent.sent > TIMEOUT_SECONDS:
                self._give_up(link, sent, "timeout")
            else:
                self._answer(link.node, sent, reply, link.arrived)

    def _answer(self, node: int, sent: Sent, reply: Any, now: float) -> None:
        if not isinstance(reply, ReplyError):
            self._record(sent, now, node, Outcome.OK, 0)
            if self.refusing:
                self._accept(node, now)
            return
        self._record(sent, now, node, Outcome.FAILED, error_code(reply))
        if node == self.master:
            self._refuse(sent.sent)
            self._follow(reply)

    def _follow(self, reply: ReplyError) -> None:
        """A master that names another in its place is believed."""
        moved = redirection(reply)
        place = self._place_of.get(f"{moved[1]}:{moved[2]}") if moved else None
        if place is not None:
            self.master = place

    def _refuse(self, since: float) -> None:
        if not self.refusing:
            self.refusing, self._refused_at = True, since

    def _accept(self, node: int, now: float) -> None:
        self.refusing, self.master = False, node
        if self._told and self._refused_at is not None:
            seconds = now - self._refused_at
            found = {"shard": self.shard, "node": self._names[node], "at": now, "seconds": seconds}
            self._sighted("shard_available", found)
        self._refused_at, self._told = None, False

    def _tell_silent(self, link: Link, first_unanswered: float) -> None:
        """Tells once that a node which answered beats until now does so no more."""
        after = self._answered_at.get(link.node)
        if after is not None and link.node not in self._told_silent:
            self._told_silent.add(link.node)
            self._sighted(
                "silence_began", {"node": self._names[link.node], "after": after, "at": max(after, first_unanswered)}
            )

    @property
    def waits(self) -> bool:
        """Whether an answer may still come in time."""
        return any(not sent.expired for link in self.links.values() if link.up for sent in link.pending)

    def finish(self) -> None:
        """Records every beat that is still unanswered: nothing that was sent goes without a row."""
        for link in self.links.values():
            for sent in link.pending:
                self._give_up(link, sent, "timeout" if link.up else link.trouble)

    def _give_up(self, link: Link, sent: Sent, error: str) -> None:
        """The beat is unknown from now on, once; its answer is thrown away if it comes."""
        if sent.about is None and not sent.expired:
            sent.expired = True
            self._record(sent, _NOTHING, link.node, Outcome.UNKNOWN, ERROR_CODE[error])

    def _record(self, sent: Sent, completed: float, node: int, outcome: int, error: int) -> None:
        self._rows += _ROW.pack(sent.sent, completed, sent.lateness, self.shard, node, outcome, error)
