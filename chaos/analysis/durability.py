"""Durability: which acknowledged writes are gone, from the operations and the final reads alone.

Every write carries a sequence number of its own. The final read of a key shows the sequence of
the write that won, or 0 if the key is absent. An acknowledged write W is *lost* if it is not the
one that is there and every write that could explain what is there had ended before W was sent.

Only the write whose sequence is there can explain it, so one comparison a write decides. When
that write's outcome is unknown, nobody knows when it was applied: it is concurrent with all
after it, and explains everything. An absent key is explained by the time before the first write.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy

from chaos.model.evidence import Rows
from chaos.model.operation import NOT_READ, Client, Kind, Outcome

EXAMPLES = 5
SPARSE = 8
"""Keys are looked up in a table while it is at most this many times as long as there are keys."""


@dataclass(frozen=True, slots=True)
class Durability:
    """What became of the strict clients' writes. The row arrays index the operations that were judged."""

    operations: Rows
    acknowledged_rows: Rows
    lost_rows: Rows
    found_rows: Rows
    """Acknowledged writes that are the final value of their key."""
    unknown: int
    resurrected: int
    keys_read: int
    keys_unread: int
    examples: tuple[str, ...] = ()

    @property
    def acknowledged(self) -> int:
        return len(self.acknowledged_rows)

    @property
    def lost(self) -> int:
        return len(self.lost_rows)

    @property
    def checkable(self) -> int:
        """Acknowledged writes whose loss would be seen: those that are lost, and those found in the final reads."""
        return len(self.lost_rows) + len(self.found_rows)

    def lost_window(self, effective: float) -> tuple[float, float] | None:
        """When the first and the last lost write were acknowledged, in seconds since `effective`."""
        if not self.lost:
            return None
        completed = self.operations["completed"][self.lost_rows]
        return float(completed.min()) - effective, float(completed.max()) - effective

    def lost_by_shard(self) -> dict[int, int]:
        shards, counts = numpy.unique(self.operations["shard"][self.lost_rows], return_counts=True)
        return {int(shard): int(count) for shard, count in zip(shards, counts, strict=True)}


def durability(operations: Rows, final_reads: Rows, clients: Sequence[Client]) -> Durability:
    """Judges every acknowledged write of strict clients whose key was read at the end."""
    strict = strict_rows(operations, clients)
    writes = _Writes.of(operations, strict)
    finals = _Finals.of(writes, final_reads)
    acknowledged = numpy.flatnonzero(writes.outcome == Outcome.OK)
    place, read = finals.lookup(writes.key[acknowledged])
    checked, place = acknowledged[read], place[read]
    mine = finals.sequence[place] == writes.sequence[checked]
    gone = ~mine & (finals.explained_until[place] < writes.sent[checked])
    lost = checked[gone]
    return Durability(
        operations=operations,
        acknowledged_rows=writes.row[acknowledged],
        lost_rows=writes.row[lost],
        found_rows=writes.row[checked[mine]],
        unknown=int((writes.outcome == Outcome.UNKNOWN).sum()),
        resurrected=_resurrected(writes, operations, strict, finals),
        keys_read=len(finals.key),
        keys_unread=len(numpy.unique(writes.key[acknowledged[~read]])),
        examples=tuple(
            _example(int(writes.key[one]), int(writes.sequence[one]), int(finals.sequence[where]))
            for one, where in zip(lost[:EXAMPLES], place[gone][:EXAMPLES], strict=True)
        ),
    )


def strict_rows(operations: Rows, clients: Sequence[Client]) -> Rows:
    """Which rows belong to strict clients, as a mask."""
    strict: Rows = numpy.ones(len(operations), dtype=bool)
    for number, client in enumerate(clients):
        if client.application_like:
            strict &= operations["client"] != number
    return strict


@dataclass(frozen=True, slots=True)
class _Writes:
    """The columns of all strict writes that were sent; `row` is their place in the operations.

    Columns, not rows: a copy of ten million whole rows costs more than all the judging.
    """

    row: Rows
    key: Rows
    sequence: Rows
    sent: Rows
    completed: Rows
    outcome: Rows

    @classmethod
    def of(cls, operations: Rows, strict: Rows) -> _Writes:
        sent = operations["outcome"] != Outcome.NOT_SENT
        row = numpy.flatnonzero(strict & sent & (operations["kind"] == Kind.WRITE))
        columns = (operations[name][row] for name in ("key", "write_sequence", "sent", "completed", "outcome"))
        return cls(row, *columns)


@dataclass(frozen=True, slots=True)
class _Finals:
    """The final value of each key that was read, by ascending key."""

    key: Rows
    sequence: Rows
    explained_until: Rows
    """When the write that explains the value had ended: −∞ for none or an earlier trial's, +∞ for an unknown one."""

    @classmethod
    def of(cls, writes: _Writes, final_reads: Rows) -> _Finals:
        known = final_reads[final_reads["sequence"] != NOT_READ]
        known = known[numpy.argsort(known["key"], kind="stable")]
        sequence = known["sequence"].copy()
        return cls(known["key"].copy(), sequence, _ended(writes, sequence))

    def lookup(self, keys: Rows) -> tuple[Rows, Rows]:
        """For each key the place of its final value, and whether it has one."""
        if not len(self.key):
            return numpy.zeros(len(keys), dtype=int), numpy.zeros(len(keys), dtype=bool)
        highest = int(self.key[-1])
        if highest > SPARSE * (len(self.key) + len(keys)):
            place = numpy.minimum(numpy.searchsorted(self.key, keys), len(self.key) - 1)
        else:  # ten times as fast where the keys leave few gaps, as ours do
            table = numpy.zeros(highest + 1, dtype=numpy.int32)
            table[self.key] = numpy.arange(len(self.key))
            place = table[numpy.minimum(keys, highest)]
        return place, self.key[place] == keys


def _ended(writes: _Writes, sequences: Rows) -> Rows:
    """When the write of each sequence had certainly ended.

    A sequence below all that were recorded is an earlier trial's. One that is missing in between
    was not recorded (a load that was killed): nothing can be said against it, so it explains all.
    """
    until = numpy.full(len(sequences), numpy.inf)
    until[sequences == 0] = -numpy.inf
    if not len(writes.row):
        return until
    order = numpy.argsort(writes.sequence, kind="stable")
    ascending = writes.sequence[order]
    place = numpy.minimum(numpy.searchsorted(ascending, sequences), len(ascending) - 1)
    write = order[place]
    certain = (ascending[place] == sequences) & (writes.outcome[write] == Outcome.OK)
    until[certain] = writes.completed[write[certain]]
    until[sequences < ascending[0]] = -numpy.inf
    return until


def _resurrected(writes: _Writes, operations: Rows, strict: Rows, finals: _Finals) -> int:
    """Writes that failed for certain, yet were read: at the end, or by a client while the load ran."""
    failed = writes.sequence[writes.outcome == Outcome.FAILED]
    if not len(failed):
        return 0
    reads = strict & (operations["kind"] == Kind.READ) & (operations["outcome"] == Outcome.OK)
    read = operations["read_sequence"][reads]
    return int((numpy.isin(failed, finals.sequence) | numpy.isin(failed, read[read != NOT_READ])).sum())


def _example(key: int, write: int, final: int) -> str:
    now = f"holds write {final}" if final else "is absent"
    return f"key {key}: write {write} was acknowledged, and the key {now}"
