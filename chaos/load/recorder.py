"""The recorder: every operation as one packed row in `operations.bin`, described by `operations.json`."""

from __future__ import annotations

import os
from pathlib import Path

from chaos.model.operation import OPERATION_FIELDS, Client, RowDescription, row_struct

OPERATIONS_FILE = "operations.bin"
DESCRIPTION_FILE = "operations.json"


class Recorder:
    """Collects rows in memory and appends them to the file when flushed."""

    def __init__(self, directory: Path, nodes: tuple[str, ...], clients: tuple[Client, ...]) -> None:
        description = RowDescription(fields=OPERATION_FIELDS, nodes=nodes, clients=clients)
        (directory / DESCRIPTION_FILE).write_text(description.model_dump_json(indent=1) + "\n")
        self._file = (directory / OPERATIONS_FILE).open("wb", buffering=0)
        self._pack = row_struct(OPERATION_FIELDS).pack
        self._batch = bytearray()
        self.rows = [0] * len(clients)
        """How many rows each client has."""

    def add(
        self,
        *,
        intended: float,
        sent: float,
        completed: float,
        key: int,
        write_sequence: int,
        read_sequence: int,
        client: int,
        trial: int,
        shard: int,
        node: int,
        kind: int,
        outcome: int,
        error: int,
    ) -> None:
        """One row; see OPERATION_FIELDS."""
        self._batch += self._pack(
            intended,
            sent,
            completed,
            key,
            write_sequence,
            read_sequence,
            client,
            trial,
            shard,
            node,
            kind,
            outcome,
            error,
        )
        self.rows[client] += 1

    def flush(self) -> None:
        """Appends what was collected; raises OSError if the disk takes no more."""
        batch, self._batch = memoryview(self._batch), bytearray()
        while batch:
            batch = batch[self._file.write(batch) :]

    def close(self) -> None:
        """Flushes and syncs; the file is complete afterwards."""
        self.flush()
        os.fsync(self._file.fileno())
        self._file.close()
