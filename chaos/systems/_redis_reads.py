"""The final reads of a Redis Cluster: every key of the load from its master, and proof where it is nowhere at all."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from chaos.errors import NodeCallFailed
from chaos.model.operation import FINAL_READ_FIELDS, NOT_READ, row_struct
from chaos.systems.system import LiveNodes
from chaos.wire.caller import Caller
from chaos.wire.resp import ReplyError
from chaos.wire.slots import key_slot, slot_table
from chaos.wire.stored import ABSENT, key_name, stored_sequence

READS_AT_ONCE = 1000
READ_SECONDS = 10.0


async def final_reads(cluster: LiveNodes, caller: Caller, masters: Mapping[int, str | None], keys: int) -> bytes:
    """Rows of FINAL_READ_FIELDS for the keys 0 … `keys` - 1; `masters` are shard → node.

    A key that its master refuses to read (a stranger at the address of a master knows no slots) is
    ABSENT all the same if every node answers and none of them holds a single key in its slot.
    """
    slots = {key: key_slot(key_name(key)) for key in range(keys)}
    shards = slot_table(dict(cluster.plan.shard_slots))
    by_shard: dict[int, list[int]] = {shard: [] for shard in cluster.plan.shard_slots}
    for key, slot in slots.items():
        by_shard[shards[slot]].append(key)
    read = await asyncio.gather(*(_read_shard(cluster, caller, masters[shard], by_shard[shard]) for shard in by_shard))
    found = {key: sequence for sequences in read for key, sequence in sequences.items()}
    refused = {slots[key] for key, sequence in found.items() if sequence == NOT_READ}
    empty = await _empty_slots(cluster, caller, refused) if refused else set()
    row, numbers = row_struct(FINAL_READ_FIELDS), _numbers(cluster, masters)
    return b"".join(
        row.pack(key, ABSENT if sequence == NOT_READ and slots[key] in empty else sequence, numbers[shards[slots[key]]])
        for key, sequence in sorted(found.items())
    )


async def _read_shard(cluster: LiveNodes, caller: Caller, master: str | None, keys: Sequence[int]) -> dict[int, int]:
    """Key → write sequence as the shard's master has it."""
    found = dict.fromkeys(keys, NOT_READ)
    if master is None:
        return found
    for start in range(0, len(keys), READS_AT_ONCE):
        batch = keys[start : start + READS_AT_ONCE]
        requests = [("GET", key_name(key)) for key in batch]
        try:
            replies = await caller.call(cluster.endpoint(master), *requests, timeout_seconds=READ_SECONDS)
        except NodeCallFailed:
            return found
        tag = cluster.plan.run_id.encode()
        found |= {key: _sequence(reply, tag) for key, reply in zip(batch, replies, strict=True)}
    return found


async def _empty_slots(cluster: LiveNodes, caller: Caller, slots: Collection[int]) -> set[int]:
    """The slots in which no node of the run holds any key; none at all if any node cannot be asked."""
    requests = [("CLUSTER", "COUNTKEYSINSLOT", slot) for slot in slots]
    asking = (caller.call(cluster.endpoint(node), *requests, timeout_seconds=READ_SECONDS) for node in cluster.nodes)
    try:
        answers = await asyncio.gather(*asking)
    except NodeCallFailed:
        return set()
    counts = zip(*answers, strict=True)
    return {slot for slot, held in zip(slots, counts, strict=True) if all(count == 0 for count in held)}


def _numbers(cluster: LiveNodes, masters: Mapping[int, str | None]) -> dict[int, int]:
    """Shard → the index of its master in the plan."""
    names = [node.name for node in cluster.plan.nodes]
    return {shard: names.index(master) if master else 0 for shard, master in masters.items()}


def _sequence(reply: Any, tag: bytes) -> int:
    """The write a reply comes from; NOT_READ for what could not be read or is not this run's."""
    sequence = None if isinstance(reply, ReplyError) else stored_sequence(reply, tag)
    return NOT_READ if sequence is None else sequence
