"""Views on disk come back as they were."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from chaos.archive.views import from_plain, read_views, to_line, to_plain
from chaos.model.view import Member, View, ViewChange
from tests.evidence_builder import unreachable, view

words = st.text(max_size=5)
slots = st.lists(st.tuples(st.integers(0, 9), st.integers(10, 99)), max_size=2).map(tuple)
members = st.builds(
    Member,
    id=words,
    node=st.none() | words,
    address=words,
    role=st.sampled_from(["master", "replica"]),
    health=st.sampled_from(["healthy", "suspected", "failed"]),
    follows=st.none() | words,
    slots=slots,
    epoch=st.integers(0, 9),
    odd_flags=st.lists(words, max_size=2).map(tuple),
    open_slots=st.booleans(),
)
views = st.builds(
    View,
    observer=words,
    members=st.lists(members, max_size=3).map(tuple),
    reachable=st.booleans(),
    state=st.none() | words,
    link=st.none() | words,
)


@given(views)
def test_a_view_survives_being_written(one: View) -> None:
    """Every view is equal to what is read back of it."""
    assert from_plain(to_plain(one)) == one


def test_changes_are_read_in_the_order_written(tmp_path: Path) -> None:
    """A file of changes gives the same changes, with their times."""
    changes = [ViewChange(1.0, 1.5, view("redis-1")), ViewChange(2.0, 2.25, unreachable("redis-1"))]
    path = tmp_path / "views.jsonl"
    path.write_text("".join(to_line(1, change) for change in changes))
    assert list(read_views(path)) == changes


def test_a_torn_last_line_is_left_out(tmp_path: Path) -> None:
    """An observer that was killed in the middle of a line loses that line only."""
    whole = to_line(1, ViewChange(1.0, 1.5, view("redis-1")))
    path = tmp_path / "views.jsonl"
    path.write_text(whole + whole[:40])
    assert len(list(read_views(path))) == 1
