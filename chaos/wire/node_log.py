"""The log of a Redis node: which lines tell of a failover, and when."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from chaos.model.evidence import NodeLogEvent

STAMP_RESOLUTION_SECONDS = 0.001
"""A stamp is cut to the millisecond: the line was written within this time after it."""

_LINE = re.compile(r"^\d+:[XCSM] (\d{1,2} \w{3} \d{4} \d\d:\d\d:\d\d\.\d{3}) [.\-*#] (.*)$")
_ID = r"([0-9a-f]{40})(?: \([^)]*\))?"
_MASTER = r"(?:master|primary)"  # Valkey says primary

_KINDS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(pattern))
    for kind, pattern in (
        ("started", r"Ready to accept connections"),
        ("agreed", rf"Marking node {_ID} as failing \(quorum reached\)"),
        ("agreed", rf"FAIL message received from [0-9a-f]{{40}}(?: \([^)]*\))? about {_ID}"),
        ("rank delay", r"Start of election delayed for .*rank #[1-9]"),
        ("election started", r"Starting a failover election for epoch"),
        ("election won", r"Failover election won"),
        ("election failed", r"(?:Currently unable to failover: )?Failover attempt expired"),
        ("validity refused", rf"Currently unable to failover: Disconnected from {_MASTER} for longer than allowed"),
        ("fail cleared", rf"Clear FAIL state for node {_ID}"),
        ("became replica", r"Configuration change detected\. Reconfiguring myself as a replica of"),
        ("cluster ok", r"Cluster state changed: ok"),
        ("cluster down", r"Cluster state changed: fail"),
        ("full resync", rf"Full resync from {_MASTER}"),
        ("partial resync", rf"Successful partial resynchronization with {_MASTER}"),
        ("link up", r"<-> REPLICA sync: (?:Finished with success|\w+ accepted a Partial Resynchronization)"),
        ("link down", rf"Connection (?:with|to) {_MASTER} lost"),
    )
)
"""Wordings of Redis 5 to 8 and Valkey; the first that is found in a line gives its kind."""


def read_log(node: str, text: str, wall_offset: float, name: Callable[[str], str | None]) -> list[NodeLogEvent]:
    """The events in a node's log, which was written with `TZ=UTC`.

    `wall_offset` is wall minus monotonic seconds; `name` gives our name for a member's id.
    """
    return list(_events(node, text, wall_offset, name))


def _events(node: str, text: str, wall_offset: float, name: Callable[[str], str | None]) -> Iterator[NodeLogEvent]:
    for line in text.splitlines():
        found = _LINE.match(line)
        kind = _kind(found[2]) if found else None
        if found and kind:
            written = _wall_seconds(found[1]) - wall_offset
            subject = name(kind[1]) if kind[1] else None
            yield NodeLogEvent(node, written, written + STAMP_RESOLUTION_SECONDS, kind[0], subject, found[2])


def _kind(message: str) -> tuple[str, str | None] | None:
    for kind, pattern in _KINDS:
        found = pattern.search(message)
        if found:
            return kind, found.groups()[-1] if found.groups() else None
    return None


def _wall_seconds(stamp: str) -> float:
    return datetime.strptime(stamp, "%d %b %Y %H:%M:%S.%f").replace(tzinfo=UTC).timestamp()
