"""What a workload draws."""

from __future__ import annotations

import itertools
from collections import Counter

from chaos.load.workload import Workload
from chaos.model.operation import Kind


def test_one_seed_gives_one_workload() -> None:
    """The same seed draws the same operations, another seed others."""
    first, again, other = (Workload(0.5, 100, seed) for seed in (1, 1, 2))
    drawn = [[workload.next() for _ in range(200)] for workload in (first, again, other)]
    assert drawn[0] == drawn[1]
    assert drawn[0] != drawn[2]


def test_the_share_of_writes_is_kept() -> None:
    """Of ten thousand operations the asked share writes, within five standard deviations."""
    workload = Workload(writes=0.2, keys=100, seed=1)
    kinds = Counter(workload.next()[0] for _ in range(10_000))
    assert abs(kinds[Kind.WRITE] - 2000) < 5 * 40


def test_all_or_nothing_shares_are_exact() -> None:
    """A share of 0 never writes and a share of 1 never reads."""
    assert {Workload(0.0, 10, seed).next()[0] for seed in range(100)} == {Kind.READ}
    assert {Workload(1.0, 10, seed).next()[0] for seed in range(100)} == {Kind.WRITE}


def test_every_key_is_drawn() -> None:
    """Keys 0 … keys - 1 are all drawn, and no other."""
    workload = Workload(writes=0.5, keys=10, seed=1)
    assert {workload.next()[1] for _ in range(1000)} == set(range(10))


def test_unique_writes_take_new_keys_and_reads_written_ones() -> None:
    """With `unique` the n-th write takes key n - 1, and a read one of the keys before."""
    workload = Workload(writes=0.3, keys="unique", seed=1)
    written = itertools.count()
    for _ in range(1000):
        known = workload.keys
        kind, key, sequence = workload.next()
        if kind is Kind.WRITE:
            assert (key, sequence) == (known, next(written) + 1)
        else:
            assert 0 <= key < known


def test_a_read_before_the_first_unique_write_becomes_one() -> None:
    """While nothing has been written, `unique` has nothing to read, so it writes."""
    assert Workload(writes=0.0, keys="unique", seed=1).next()[0] is Kind.WRITE
