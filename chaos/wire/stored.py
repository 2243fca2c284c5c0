"""What a load stores: the names of its keys and the values that say which write they come from.

A value reads `<sequence>:<tag>:` and is padded to its size; the sequence counts the writes of a
load from 1, the tag is the run's id, so that another run's value is never taken for our own.
"""

from __future__ import annotations

ABSENT = 0
"""The sequence of a key that does not exist."""


def key_name(number: int) -> bytes:
    """The name of a load's key; numbers count from 0."""
    return b"key:%d" % number


def stored_value(sequence: int, tag: bytes, size_bytes: int) -> bytes:
    """The value of one write; longer than `size_bytes` only where sequence and tag alone need more."""
    return (b"%d:%s:" % (sequence, tag)).ljust(size_bytes, b"x")


def stored_sequence(value: bytes | None, tag: bytes) -> int | None:
    """The write a value comes from; ABSENT for no value, None for a value that this run did not write."""
    if value is None:
        return ABSENT
    sequence, _, rest = value.partition(b":")
    if not sequence.isdigit() or not rest.startswith(tag + b":"):
        return None
    return int(sequence)
