"""Hash slots of Redis Cluster: which slot a key lives in, and how 16,384 slots are shared out."""

from __future__ import annotations

from binascii import crc_hqx

SLOTS = 16384


def key_slot(key: bytes) -> int:
    """The slot of a key: CRC16 (XMODEM) of the key, or of its hash tag, modulo 16384 (Redis Cluster specification)."""
    opening = key.find(b"{")
    if opening >= 0:
        closing = key.find(b"}", opening + 1)
        if closing > opening + 1:
            key = key[opening + 1 : closing]
    return crc_hqx(key, 0) % SLOTS


def share_out(shards: int) -> dict[int, tuple[tuple[int, int], ...]]:
    """Shard (1-based) → its slots, in contiguous ranges as even as `redis-cli --cluster create` makes them."""
    per_shard = SLOTS / shards
    edges = [round(per_shard * number) for number in range(shards)] + [SLOTS]
    return {number + 1: ((edges[number], edges[number + 1] - 1),) for number in range(shards)}


def slot_table(shard_slots: dict[int, tuple[tuple[int, int], ...]]) -> list[int]:
    """Slot → shard for all 16,384 slots; 0 for a slot nobody owns."""
    table = [0] * SLOTS
    for shard, ranges in shard_slots.items():
        for first, last in ranges:
            table[first : last + 1] = [shard] * (last - first + 1)
    return table
