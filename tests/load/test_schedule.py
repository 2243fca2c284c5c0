"""The open schedule's arithmetic."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from chaos.load.schedule import OpenSchedule


def test_operations_are_intended_at_equal_distances() -> None:
    """Operation i is intended at start + i / rate."""
    schedule = OpenSchedule(start=100.0, rate=4.0)
    assert [schedule.intended(number) for number in range(3)] == [100.0, 100.25, 100.5]


def test_without_an_end_nothing_is_over() -> None:
    """A schedule goes on until it is given an end."""
    assert not OpenSchedule(start=0.0, rate=1.0).is_over(10**9)


@given(rate=st.floats(0.1, 1e5), seconds=st.floats(0, 100), start=st.floats(0, 1e6))
def test_due_is_the_number_of_operations_before_the_end(rate: float, seconds: float, start: float) -> None:
    """The operations 0 … due - 1 lie before the end, and operation `due` does not."""
    schedule = OpenSchedule(start, rate, end=start + seconds)
    due = schedule.due()
    assert schedule.is_over(due)
    assert due == 0 or not schedule.is_over(due - 1)
