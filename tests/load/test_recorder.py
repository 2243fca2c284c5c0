"""The recorded rows."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from chaos.load.recorder import Recorder
from chaos.model.operation import OPERATION_FIELDS, Client, RowDescription

CLIENTS = (Client(name="strict", library="own"), Client(name="application", library="redis-py"))
ROW = {
    "intended": 1.5,
    "sent": 1.6,
    "completed": 1.75,
    "key": 4_000_000_000,
    "write_sequence": 7,
    "read_sequence": 9,
    "client": 1,
    "trial": 3,
    "shard": 2,
    "node": 5,
    "kind": 1,
    "outcome": 2,
    "error": 4,
}


def test_a_row_is_read_back_as_written(tmp_path: Path) -> None:
    """Each field of a row stands under its own name in the file."""
    recorder = Recorder(tmp_path, ("redis-1",), CLIENTS)
    recorder.add(**ROW)  # type: ignore[arg-type]
    recorder.close()
    (row,) = np.fromfile(tmp_path / "operations.bin", dtype=np.dtype(list(OPERATION_FIELDS)))
    assert {name: row[name] for name, _ in OPERATION_FIELDS} == ROW


def test_what_never_happened_is_not_a_number(tmp_path: Path) -> None:
    """A time that never came is NaN in the file."""
    recorder = Recorder(tmp_path, ("redis-1",), CLIENTS)
    recorder.add(**{**ROW, "sent": math.nan})  # type: ignore[arg-type]
    recorder.close()
    (row,) = np.fromfile(tmp_path / "operations.bin", dtype=np.dtype(list(OPERATION_FIELDS)))
    assert np.isnan(row["sent"])


def test_rows_are_in_the_file_once_flushed(tmp_path: Path) -> None:
    """A flush appends what was collected since the one before."""
    recorder = Recorder(tmp_path, ("redis-1",), CLIENTS)
    sizes = []
    for _ in range(2):
        recorder.add(**ROW)  # type: ignore[arg-type]
        recorder.flush()
        sizes.append((tmp_path / "operations.bin").stat().st_size)
    recorder.close()
    assert sizes == [47, 94]
    assert recorder.rows == [0, 2]


def test_the_description_explains_the_rows(tmp_path: Path) -> None:
    """operations.json names fields, nodes and clients."""
    Recorder(tmp_path, ("redis-1", "redis-2"), CLIENTS).close()
    description = RowDescription.model_validate_json((tmp_path / "operations.json").read_text())
    assert description == RowDescription(fields=OPERATION_FIELDS, nodes=("redis-1", "redis-2"), clients=CLIENTS)
