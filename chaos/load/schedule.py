"""The open schedule: when each operation is intended, whatever became of those before it."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(slots=True)
class OpenSchedule:
    """Operation i is intended at start + i / rate; of N users, user k takes k, k + N, k + 2N …"""

    start: float
    """Monotonic seconds."""
    rate: float
    """Operations per second."""
    end: float = math.inf
    """Operations intended at or after it are not made."""

    def intended(self, number: int) -> float:
        """Monotonic seconds at which operation `number`, counted from 0, is intended."""
        return self.start + number / self.rate

    def is_over(self, number: int) -> bool:
        return self.intended(number) >= self.end

    def due(self) -> int:
        """How many operations a schedule with an end intends in all: the number of the first one past it."""
        number = max(0, math.ceil((self.end - self.start) * self.rate) - 1)
        while not self.is_over(number):
            number += 1
        return number
