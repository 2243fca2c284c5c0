"""The keys and values that a load stores."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from chaos.wire.stored import ABSENT, key_name, stored_sequence, stored_value


@given(sequence=st.integers(1, 2**32 - 2), size=st.integers(0, 500))
def test_a_value_tells_its_sequence(sequence: int, size: int) -> None:
    """Whatever its size, a value gives back the sequence it was made of."""
    assert stored_sequence(stored_value(sequence, b"run-1", size), b"run-1") == sequence


def test_a_value_has_the_size_asked_for() -> None:
    """A value is padded to its size, and longer only where sequence and tag need more."""
    assert len(stored_value(1, b"run-1", 64)) == 64
    assert stored_value(1, b"run-1", 2) == b"1:run-1:"


def test_no_value_is_an_absent_key() -> None:
    """A key without a value has the sequence ABSENT."""
    assert stored_sequence(None, b"run-1") == ABSENT


@given(st.binary(max_size=50))
def test_a_strangers_value_has_no_sequence(value: bytes) -> None:
    """A value without this run's tag belongs to no write of it."""
    assert stored_sequence(value, b"20260101-run") is None


def test_a_longer_tag_is_another_runs() -> None:
    """A tag must match as a whole, not only in its beginning."""
    assert stored_sequence(b"5:run-10:xx", b"run-1") is None


def test_keys_are_numbered() -> None:
    """Key 7 is named key:7."""
    assert key_name(7) == b"key:7"
