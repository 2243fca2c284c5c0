"""The workload: which key each operation touches, whether it writes, and what it writes."""

from __future__ import annotations

import random
from typing import Literal

from chaos.model.operation import Kind


class Workload:
    """Draws operations from a seed: a share of writes over uniformly chosen keys.

    With keys `unique` every write goes to a new key, and a read chooses among those already
    written; while there is none, it becomes a write.
    """

    def __init__(self, writes: float, keys: int | Literal["unique"], seed: int) -> None:
        self.writes = writes
        self.keys = 0 if keys == "unique" else keys
        """Keys are numbered 0 … keys - 1; with `unique` the number grows with each write."""
        self._unique = keys == "unique"
        self._draw = random.Random(seed).random
        self._sequence = 0

    def next(self) -> tuple[Kind, int, int]:
        """Kind, key number and write sequence of the next operation; a read's sequence is 0."""
        wants_write = self._draw() < self.writes
        if self._unique:
            if wants_write or not self.keys:
                self.keys += 1
                return self._write(self.keys - 1)
        elif wants_write:
            return self._write(int(self._draw() * self.keys))
        return Kind.READ, int(self._draw() * self.keys), 0

    def _write(self, key: int) -> tuple[Kind, int, int]:
        self._sequence += 1
        return Kind.WRITE, key, self._sequence
