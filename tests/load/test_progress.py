"""What a load says of itself while it runs."""

from __future__ import annotations

from chaos.load.engine import Operation
from chaos.load.progress import Progress
from chaos.model.operation import ERROR_CODE, LATENCY_BUCKETS_SECONDS, NOWHERE, Kind, Outcome


def ended(kind: Kind, outcome: Outcome, error: str = "", seconds: float = 0.0, node: int = 0) -> Operation:
    operation = Operation(kind, 1, 1, 1, 1, b"", intended=10.0, done=lambda _: None)
    operation.outcome, operation.error, operation.node = outcome, ERROR_CODE[error], node
    operation.completed = 10.0 + seconds
    return operation


def test_outcomes_are_counted_by_kind() -> None:
    """Each kind and outcome has its count, and only acknowledged writes count as such."""
    progress = Progress("load")
    progress.add(ended(Kind.WRITE, Outcome.OK))
    progress.add(ended(Kind.WRITE, Outcome.UNKNOWN, "timeout", node=NOWHERE))
    progress.add(ended(Kind.READ, Outcome.OK))
    record = progress.record(in_flight=4, users=2)
    assert {name: count for name, count in record.requests.items() if count} == {
        "write ok": 1,
        "write unknown": 1,
        "read ok": 1,
    }
    assert (record.acknowledged_writes, record.in_flight, record.users) == (1, 4, 2)


def test_errors_are_counted_by_class() -> None:
    """Each error class that occurred has its count."""
    progress = Progress("load")
    for error in ("timeout", "CLUSTERDOWN", "timeout"):
        progress.add(ended(Kind.READ, Outcome.FAILED, error))
    assert progress.record(0, 1).errors == {"timeout": 2, "CLUSTERDOWN": 1}


def test_answered_operations_fall_into_their_bucket() -> None:
    """A latency counts in the first bucket whose bound it does not exceed, and unanswered operations in none."""
    progress = Progress("load")
    progress.add(ended(Kind.READ, Outcome.OK, seconds=0.0015))
    progress.add(ended(Kind.READ, Outcome.OK, seconds=99.0))
    progress.add(ended(Kind.READ, Outcome.UNKNOWN, "timeout", seconds=0.5, node=NOWHERE))
    buckets = progress.record(0, 1).duration_buckets
    filled = [number for number, count in enumerate(buckets) if count]
    assert filled == [LATENCY_BUCKETS_SECONDS.index(0.002), len(LATENCY_BUCKETS_SECONDS)]
