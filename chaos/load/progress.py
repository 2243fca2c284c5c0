"""Progress: what one load has done so far, counted while it runs."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter

from chaos.load.engine import Operation
from chaos.model.operation import ERROR_CLASSES, LATENCY_BUCKETS_SECONDS, NOWHERE, Kind, LoadProgress, Outcome


class Progress:
    """Counts completed operations of the strict client; application-like clients are not in it."""

    def __init__(self, load: str) -> None:
        self.load = load
        self._requests: Counter[tuple[Kind, Outcome]] = Counter()
        self._errors: Counter[int] = Counter()
        self._buckets = [0] * (len(LATENCY_BUCKETS_SECONDS) + 1)
        self._seconds = 0.0

    def add(self, operation: Operation) -> None:
        self._requests[(operation.kind, operation.outcome)] += 1
        if operation.error:
            self._errors[operation.error] += 1
        if operation.node != NOWHERE:
            latency = operation.completed - operation.intended
            self._buckets[bisect_left(LATENCY_BUCKETS_SECONDS, latency)] += 1
            self._seconds += latency

    def record(self, in_flight: int, users: int) -> LoadProgress:
        """The counts since the start."""
        requests = {
            f"{kind.name.lower()} {outcome.name.lower()}": self._requests[(kind, outcome)]
            for kind in Kind
            for outcome in Outcome
        }
        return LoadProgress(
            load=self.load,
            requests=requests,
            errors={ERROR_CLASSES[code]: count for code, count in sorted(self._errors.items())},
            acknowledged_writes=self._requests[(Kind.WRITE, Outcome.OK)],
            duration_buckets=tuple(self._buckets),
            duration_sum_seconds=self._seconds,
            in_flight=in_flight,
            users=users,
        )
