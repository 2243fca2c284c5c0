"""Operations and beats: the packed rows in which clients and canaries record what they saw.

Times are seconds on the host's monotonic clock; NaN where the thing never happened.
"""

from __future__ import annotations

import struct
from enum import IntEnum

from chaos.model.record import Record


class Kind(IntEnum):
    """What an operation did."""

    READ = 0
    WRITE = 1


class Outcome(IntEnum):
    """How an operation ended, as its client knows it."""

    OK = 0
    FAILED = 1
    """It certainly did not happen."""
    UNKNOWN = 2
    """It may have happened: no answer in time, or a broken connection."""
    NOT_SENT = 3
    """An open schedule wanted it, and it could not be sent within its time-out."""


ERROR_CLASSES = (
    "",
    "timeout",
    "connection refused",
    "connection lost",
    "not sent",
    "CLUSTERDOWN",
    "MOVED",
    "ASK",
    "READONLY",
    "MASTERDOWN",
    "LOADING",
    "TRYAGAIN",
    "OOM",
    "MISCONF",
    "NOREPLICAS",
    "BUSY",
    "NOAUTH",
    "wrong value",
    "other",
)
ERROR_CODE = {name: code for code, name in enumerate(ERROR_CLASSES)}
OTHER_ERROR = ERROR_CODE["other"]

NOWHERE = 0xFFFF
"""The node or shard of a row when it is not known."""
NOT_READ = 0xFFFFFFFF
"""The read sequence of an operation that read nothing; 0 is an absent key."""

OPERATION_FIELDS: tuple[tuple[str, str], ...] = (
    ("intended", "<f8"),
    ("sent", "<f8"),
    ("completed", "<f8"),
    ("key", "<u4"),
    ("write_sequence", "<u4"),
    ("read_sequence", "<u4"),
    ("client", "<u2"),
    ("trial", "<u2"),
    ("shard", "<u2"),
    ("node", "<u2"),
    ("kind", "u1"),
    ("outcome", "u1"),
    ("error", "u1"),
)
BEAT_FIELDS: tuple[tuple[str, str], ...] = (
    ("sent", "<f8"),
    ("completed", "<f8"),
    ("lateness", "<f4"),
    ("shard", "<u2"),
    ("node", "<u2"),
    ("outcome", "u1"),
    ("error", "u1"),
)
FINAL_READ_FIELDS: tuple[tuple[str, str], ...] = (
    ("key", "<u4"),
    ("sequence", "<u4"),
    ("node", "<u2"),
)
"""One row a key: the write sequence found on its master; 0 if absent, NOT_READ if it could not be read."""

_STRUCT_CODES = {"<f8": "d", "<f4": "f", "<u4": "I", "<u2": "H", "u1": "B"}


def row_struct(fields: tuple[tuple[str, str], ...]) -> struct.Struct:
    """The packer of one row, in field order, little endian, without padding."""
    return struct.Struct("<" + "".join(_STRUCT_CODES[code] for _, code in fields))


class Client(Record):
    """One kind of client in a load: the index in this list is an operation's `client`."""

    name: str
    load: str = "load"
    library: str
    application_like: bool = False
    """True for an ordinary client library that retries by itself; its writes are not in the tally."""
    settings: dict[str, str] = {}


class RowDescription(Record):
    """What stands in a file of packed rows, written beside it as JSON."""

    schema_version: int = 1
    fields: tuple[tuple[str, str], ...]
    nodes: tuple[str, ...]
    """A row's `node` is an index into this list."""
    clients: tuple[Client, ...] = ()
    errors: tuple[str, ...] = ERROR_CLASSES
    clock: str = "seconds on the host's monotonic clock"


LATENCY_BUCKETS_SECONDS = (
    0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
)  # fmt: skip
"""Upper bounds of the latency histogram that a load reports while it runs; one more bucket is above them all."""


class LoadProgress(Record):
    """What one load has done since it began; the data of a `load_progress` event."""

    load: str
    requests: dict[str, int]
    """`"<read|write> <ok|failed|unknown|not_sent>"` → count."""
    errors: dict[str, int]
    """Error class → count."""
    acknowledged_writes: int
    duration_buckets: tuple[int, ...]
    """Answered operations by latency: one count per bucket of LATENCY_BUCKETS_SECONDS, then those above."""
    duration_sum_seconds: float
    in_flight: int = 0
    users: int = 0
