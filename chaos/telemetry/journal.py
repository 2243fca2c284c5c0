"""The journal: every event of a run as one JSON line on disk, readable after a crash."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from chaos.errors import ChaosError
from chaos.model.event import Event

SYNCED = frozenset(
    {
        "run_started",
        "trial_started",
        "injection_effective",
        "injection_reverted",
        "injection_failed",
        "undo_failed",
        "timeline_ended",
        "trial_ended",
        "run_ended",
    }
)
"""Events after which the file is forced to the disk. Not before an injection: the ledger is, and it would be late."""


class JournalFailed(ChaosError):
    """The journal cannot be written; without it no run can be judged."""


class Journal:
    """Writes `journal.jsonl`: each line reaches the operating system before `receive` returns.

    Raises JournalFailed, from any method, if the file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            # Unbuffered: a line that failed to be written must not wait somewhere and fail again at close.
            self._file = path.open("ab+", buffering=0)
        except OSError as error:
            raise self._failed(error) from error
        with self._failing_closed():
            self._end_torn_line()

    def receive(self, event: Event) -> None:
        with self._failing_closed():
            self._write(event.model_dump_json().encode() + b"\n")
            if event.event in SYNCED:
                os.fsync(self._file.fileno())

    def close(self) -> None:
        if not self._file.closed:
            with self._failing_closed():
                os.fsync(self._file.fileno())
            self._file.close()

    def _write(self, line: bytes) -> None:
        left = memoryview(line)
        while left:  # a nearly full disk takes a part of it first
            left = left[self._file.write(left) :]

    def _end_torn_line(self) -> None:
        """Ends the line in which a crashed writer stopped, so that ours begins on its own."""
        if self._file.tell() == 0:
            return
        self._file.seek(-1, os.SEEK_END)
        if self._file.read(1) != b"\n":
            self._file.write(b"\n")

    @contextmanager
    def _failing_closed(self) -> Iterator[None]:
        """Lets go of the file when it cannot be written: a journal with a gap would be worse than a short one."""
        try:
            yield
        except OSError as error:
            self._file.close()
            raise self._failed(error) from error

    def _failed(self, error: OSError) -> JournalFailed:
        return JournalFailed(f"the journal {self._path} cannot be written: {error.strerror or error}")
