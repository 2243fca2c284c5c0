"""Hash slots: the same for us as for a real server."""

from __future__ import annotations

import pytest

from chaos.wire.slots import SLOTS, key_slot, share_out, slot_table


@pytest.mark.parametrize(
    ("key", "slot"),
    [
        (b"123456789", 0x31C3),  # the check value of CRC16/XMODEM
        (b"foo", 12182),
        (b"bar", 5061),
        (b"{user1000}.following", key_slot(b"user1000")),
        (b"foo{}{bar}", 8363),
        (b"foo{{bar}}zap", key_slot(b"{bar")),
        (b"foo{bar}{zap}", 5061),
        (b"foo{bar", key_slot(b"foo{bar")),
        (b"", 0),
    ],
)
def test_a_key_has_the_slot_of_the_specification(key: bytes, slot: int) -> None:
    """Keys and hash tags have the slots that the Redis Cluster specification gives them."""
    assert key_slot(key) == slot


def test_three_shards_share_as_redis_cli_does() -> None:
    """Three shards have the ranges that `redis-cli --cluster create` gives three masters."""
    assert share_out(3) == {1: ((0, 5460),), 2: ((5461, 10922),), 3: ((10923, 16383),)}


@pytest.mark.parametrize("shards", [1, 2, 3, 5, 7, 16, 30, 60])
def test_every_slot_has_one_owner(shards: int) -> None:
    """All slots are shared out, each once, and no shard has two slots more than another."""
    table = slot_table(share_out(shards))
    counts = [table.count(shard) for shard in range(1, shards + 1)]
    assert sum(counts) == SLOTS == len(table)
    assert max(counts) - min(counts) <= 1


def test_a_slot_without_an_owner_is_zero() -> None:
    """A slot that no shard has is marked by 0."""
    assert slot_table({1: ((0, 1),), 2: ((3, 3),)})[:5] == [1, 1, 0, 2, 0]
