"""The ledger: what is written stands on the disk, and what is still to be undone can be read from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.errors import ChaosError
from chaos.model.injection import LedgerEntry
from chaos.runner.ledger import INJECTED, INTENDED, REVERTED, UNDO_FAILED, Ledger, outstanding, read_ledger


def entry(number: int, step: str, *, lasting: bool = False) -> LedgerEntry:
    return LedgerEntry(
        injection=f"fault-{number}",
        number=number,
        trial=1,
        fault="kill",
        step=step,
        nodes=("toy-1",),
        handles={"toy-1": "machine-1"},
        lasting=lasting,
    )


def test_entries_come_back_in_order(tmp_path: Path) -> None:
    """What was written is read again, whichever process wrote it."""
    path = tmp_path / "ledger.jsonl"
    written = [entry(1, INTENDED), entry(1, INJECTED), entry(2, INTENDED)]
    Ledger(path).write(written[0])
    for later in written[1:]:
        Ledger(path).write(later)
    assert read_ledger(path) == written


def test_a_torn_line_is_left_out(tmp_path: Path) -> None:
    """A writer that was killed in the middle of a line leaves all lines before it readable."""
    path = tmp_path / "ledger.jsonl"
    Ledger(path).write(entry(1, INTENDED))
    with path.open("a", encoding="utf-8") as file:
        file.write('{"injection": "fa')
    assert read_ledger(path) == [entry(1, INTENDED)]


def test_no_file_is_no_entry(tmp_path: Path) -> None:
    """A run that never came to a fault has no ledger, and nothing to undo."""
    assert read_ledger(tmp_path / "ledger.jsonl") == []


def test_a_ledger_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    """Without a place on the disk nothing may be injected."""
    with pytest.raises(ChaosError, match="cannot be written"):
        Ledger(tmp_path / "missing" / "ledger.jsonl").write(entry(1, INTENDED))


def test_numbers_count_from_one(tmp_path: Path) -> None:
    """Each injection of a run has a number of its own."""
    ledger = Ledger(tmp_path / "ledger.jsonl")
    assert [ledger.next_number() for _ in range(3)] == [1, 2, 3]


@pytest.mark.parametrize(
    ("last", "is_outstanding"), [(INTENDED, True), (INJECTED, True), (UNDO_FAILED, True), (REVERTED, False)]
)
def test_what_is_outstanding(last: str, is_outstanding: bool) -> None:
    """Everything that was at least intended is outstanding until it was reverted."""
    found = outstanding([entry(1, INTENDED), entry(1, last)])
    assert found == ([entry(1, last)] if is_outstanding else [])


def test_the_newest_comes_first() -> None:
    """Faults are undone in the opposite order of their making."""
    found = outstanding([entry(1, INTENDED), entry(2, INTENDED), entry(1, INJECTED), entry(3, INTENDED)])
    assert [one.number for one in found] == [3, 2, 1]


def test_a_change_stays() -> None:
    """A change that is meant to stay is never outstanding."""
    assert outstanding([entry(1, INJECTED, lasting=True)]) == []
