"""The registry of local runs: a small file for each, which says what it has on this machine, until it is removed.

It stands in the user's state folder, not in the run directory: `chaos clean` must find every run, wherever its
reports are kept.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from chaos.drivers._local_process import Process
from chaos.drivers.driver import RunLabel
from chaos.errors import EnvironmentLacks
from chaos.host import state_folder
from chaos.model.record import Record


class LocalRun(Record):
    """What one run has on this machine."""

    label: RunLabel
    servers: dict[str, Process] = {}
    """Node → its newest server process, whether it lives or not."""
    cut_off: tuple[str, ...] = ()
    """The nodes that are off their network."""
    proxies: Process | None = None
    """The process before all servers; None where nothing stands before them."""

    @property
    def processes(self) -> list[Process]:
        return [*self.servers.values(), *([self.proxies] if self.proxies else [])]


def path_of(run_id: str) -> Path:
    return state_folder() / "local" / f"{run_id}.json"


def read(run_id: str) -> LocalRun | None:
    """What is known of a run; None if nothing is."""
    return _read(path_of(run_id))


def all_runs() -> Iterator[LocalRun]:
    """Every run that has, or had, something on this machine, by run id."""
    for path in sorted(path_of("any").parent.glob("*.json")):
        run = _read(path)
        if run:
            yield run


def write(run: LocalRun) -> None:
    """Replaces what is known of a run, in one step; raises EnvironmentLacks if it cannot be kept."""
    path = path_of(run.label.run_id)
    temporary = path.with_suffix(f".{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(run.model_dump_json(), encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        raise EnvironmentLacks(
            f"what a local run starts cannot be written down in {path.parent}: {error.strerror}; "
            "set XDG_STATE_HOME to a folder that can be written"
        ) from error


def forget(run_id: str) -> None:
    """Harmless when repeated."""
    path_of(run_id).unlink(missing_ok=True)


def _read(path: Path) -> LocalRun | None:
    try:
        return LocalRun.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, ValidationError):  # removed meanwhile, or written by another version: nothing we could act on
        return None
