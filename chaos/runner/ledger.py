"""The ledger: every injection with all that undoing it takes, on disk before anything is done."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable
from pathlib import Path

from chaos.archive.views import whole_lines
from chaos.errors import ChaosError
from chaos.model.injection import LedgerEntry

INTENDED, INJECTED, REVERTED, UNDO_FAILED = "intended", "injected", "reverted", "undo failed"


class Ledger:
    """Appends entries to `ledger.jsonl`; an entry is on the disk when `write` returns."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._numbers = itertools.count(1)

    def next_number(self) -> int:
        """The number of the next injection of the run, from 1."""
        return next(self._numbers)

    def write(self, entry: LedgerEntry) -> None:
        """Raises ChaosError if the entry cannot be kept: then nothing may be injected."""
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(entry.model_dump_json() + "\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise ChaosError(f"the ledger {self._path} cannot be written: {error.strerror}") from error


def read_ledger(path: Path) -> list[LedgerEntry]:
    """Every entry in the order written; a torn last line is left out, no file is no entry."""
    if not path.is_file():
        return []
    with path.open(encoding="utf-8") as lines:
        return [LedgerEntry.model_validate(plain) for plain in whole_lines(lines)]


def outstanding(entries: Iterable[LedgerEntry]) -> list[LedgerEntry]:
    """The last entry of each injection that may still be in force, the newest injection first.

    One that was only intended counts: it may have been made before its maker died.
    """
    latest = {entry.number: entry for entry in entries}
    open_ones = [entry for entry in latest.values() if entry.step != REVERTED and not entry.lasting]
    return sorted(open_ones, key=lambda entry: entry.number, reverse=True)
