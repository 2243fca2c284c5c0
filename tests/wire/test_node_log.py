"""The log of a node: each wording that tells of a failover is found, with its subject and its instant."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from chaos.wire.node_log import STAMP_RESOLUTION_SECONDS, read_log

A, B = "a" * 40, "b" * 40
IDS = {A: "redis-1", B: "redis-2"}
STAMP = "07 Nov 2026 10:00:00.123"
WRITTEN = datetime(2026, 11, 7, 10, 0, 0, 123000, UTC).timestamp()

WORDINGS = [
    # Redis 5 to 7.0, 7.2 and newer (names in parentheses), Valkey 8 and 9 (primary in place of master)
    ("* Ready to accept connections", "started", None),
    ("* Ready to accept connections tcp", "started", None),
    (f"* Marking node {A} as failing (quorum reached).", "agreed", "redis-1"),
    (f"* Marking node {A} () as failing (quorum reached).", "agreed", "redis-1"),
    (f"* Marking node {A} (cache-a) as failing (quorum reached).", "agreed", "redis-1"),
    (f"* FAIL message received from {B} about {A}", "agreed", "redis-1"),
    (f"* FAIL message received from {B} (cache-b) about {A} (cache-a)", "agreed", "redis-1"),
    (f"* FAIL message received from {B} () about {A} ()", "agreed", "redis-1"),
    ("# Starting a failover election for epoch 7.", "election started", None),
    ("* Starting a failover election for epoch 7, node config epoch is 3", "election started", None),
    ("# Failover election won: I'm the new master.", "election won", None),
    ("* Failover election won: I'm the new primary.", "election won", None),
    ("# Currently unable to failover: Failover attempt expired.", "election failed", None),
    ("* Start of election delayed for 1663 milliseconds (rank #1, offset 1362).", "rank delay", None),
    (
        "# Currently unable to failover: Disconnected from master for longer than allowed. Please check the "
        "'cluster-replica-validity-factor' configuration option.",
        "validity refused",
        None,
    ),
    (
        "* Currently unable to failover: Disconnected from primary for longer than allowed. Please check the "
        "'cluster-replica-validity-factor' configuration option.",
        "validity refused",
        None,
    ),
    (f"* Clear FAIL state for node {A}: replica is reachable again.", "fail cleared", "redis-1"),
    (f"* Clear FAIL state for node {A} (cache-a):replica is reachable again.", "fail cleared", "redis-1"),
    (
        f"# Configuration change detected. Reconfiguring myself as a replica of {B}",
        "became replica",
        None,
    ),
    (
        f"* Configuration change detected. Reconfiguring myself as a replica of node {B} (cache-b) in shard {A}",
        "became replica",
        None,
    ),
    ("# Cluster state changed: ok", "cluster ok", None),
    ("* Cluster state changed: fail", "cluster down", None),
    (f"* Full resync from master: {A}:1234", "full resync", None),
    (f"* Full resync from primary: {A}:1234", "full resync", None),
    ("* Successful partial resynchronization with master.", "partial resync", None),
    ("* Successful partial resynchronization with primary.", "partial resync", None),
    ("* MASTER <-> REPLICA sync: Finished with success", "link up", None),
    ("* PRIMARY <-> REPLICA sync: Finished with success", "link up", None),
    ("* MASTER <-> REPLICA sync: Master accepted a Partial Resynchronization.", "link up", None),
    ("* PRIMARY <-> REPLICA sync: Primary accepted a Partial Resynchronization.", "link up", None),
    ("# Connection with master lost.", "link down", None),
    ("* Connection with primary lost.", "link down", None),
]


@pytest.mark.parametrize(("message", "kind", "subject"), WORDINGS)
def test_each_wording_has_its_kind(message: str, kind: str, subject: str | None) -> None:
    """A line as some version writes it is one event of its kind, about the node it names."""
    (event,) = read_log("redis-3", f"1:S {STAMP} {message}\n", 0.0, IDS.get)
    assert (event.node, event.kind, event.subject) == ("redis-3", kind, subject)
    assert event.text == message[2:]


@pytest.mark.parametrize(
    "line",
    [
        f"1:S {STAMP} * Start of election delayed for 663 milliseconds (rank #0, offset 1362).",
        f"1:S {STAMP} # Currently unable to failover: Waiting for votes, but majority still not reached.",
        f"1:M {STAMP} # Failover auth granted to {B} for epoch 7",
        f"1:M {STAMP} # Cluster state changed: unknown",
        f"Marking node {A} as failing (quorum reached).",
        "                _._                                                  ",
        "",
    ],
)
def test_other_lines_tell_nothing(line: str) -> None:
    """Lines about something else, without a stamp, or of a banner are no events."""
    assert read_log("redis-3", line, 0.0, IDS.get) == []


@pytest.mark.parametrize("process", ["1:M", "1:S", "31415:C", "7:X"])
def test_any_process_may_write(process: str) -> None:
    """A line counts whatever role its process had when it wrote it."""
    assert len(read_log("redis-1", f"{process} {STAMP} # Cluster state changed: ok", 0.0, IDS.get)) == 1


def test_a_stamp_is_a_window_on_the_monotonic_clock() -> None:
    """An event happened within the millisecond after its stamp, which the wall offset takes to monotonic time."""
    (event,) = read_log("redis-1", f"1:M {STAMP} # Cluster state changed: ok", WRITTEN - 5000.0, IDS.get)
    assert event.after == pytest.approx(5000.0, abs=1e-6)
    assert event.at - event.after == pytest.approx(STAMP_RESOLUTION_SECONDS)


def test_a_node_nobody_knows_is_no_subject() -> None:
    """An event about a member that is none of ours is kept, without a name."""
    stranger = "c" * 40
    (event,) = read_log("redis-1", f"1:M {STAMP} * Marking node {stranger} as failing (quorum reached).", 0.0, IDS.get)
    assert (event.kind, event.subject) == ("agreed", None)


def test_events_stand_in_the_order_of_the_log() -> None:
    """Several lines give their events in the order in which they were written."""
    text = "\n".join(
        f"1:S {STAMP} {message}"
        for message in (
            f"* FAIL message received from {B} about {A}",
            "# Starting a failover election for epoch 7.",
            "# Failover election won: I'm the new master.",
        )
    )
    kinds = [event.kind for event in read_log("redis-3", text, 0.0, IDS.get)]
    assert kinds == ["agreed", "election started", "election won"]
