"""The run directory: where everything of one run stands on disk, and which run is still alive.

Nothing else in the program knows a file name of a run.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from chaos.errors import EnvironmentLacks, UnknownName

LATEST = "latest"


@dataclass(frozen=True, slots=True)
class RunDirectory:
    """The directory of one run; a property for each of its files, whether it exists or not."""

    path: Path

    @classmethod
    def create(cls, reports: Path, run_id: str) -> RunDirectory:
        """Makes `reports/<run_id>/` with its lock file and points `reports/latest` at it.

        Raises EnvironmentLacks if the directory exists already or cannot be written.
        """
        directory = cls(reports / run_id)
        try:
            directory.path.mkdir(parents=True)
            directory.logs.mkdir()
            directory.lock_file.touch()
            _point_latest(reports, run_id)
        except OSError as error:
            raise EnvironmentLacks(f"cannot make the run directory {directory.path}: {error.strerror}") from error
        return directory

    def discard(self) -> None:
        """Removes the directory of a run that never began, and points `latest` at the newest that is left."""
        reports = self.path.parent
        shutil.rmtree(self.path)
        left = list(all_runs(reports))
        if left:
            _point_latest(reports, left[-1].run_id)
        else:
            (reports / LATEST).unlink(missing_ok=True)

    @classmethod
    def find(cls, reports: Path, run: str) -> RunDirectory:
        """The directory of a run given as `latest`, as its id or as a path.

        Raises UnknownName with the nearest run.
        """
        for candidate in (reports / run, Path(run)):
            if is_run(candidate):
                return cls(candidate.resolve())
        raise UnknownName("run", run, [directory.run_id for directory in all_runs(reports)])

    @property
    def run_id(self) -> str:
        return self.path.name

    @property
    def scenario(self) -> Path:
        return self.path / "scenario.yml"

    @property
    def plan(self) -> Path:
        return self.path / "plan.json"

    @property
    def result(self) -> Path:
        return self.path / "result.json"

    @property
    def journal(self) -> Path:
        return self.path / "journal.jsonl"

    @property
    def ledger(self) -> Path:
        return self.path / "ledger.jsonl"

    @property
    def operations(self) -> Path:
        return self.path / "operations.bin"

    @property
    def operations_description(self) -> Path:
        return self.path / "operations.json"

    @property
    def beats(self) -> Path:
        return self.path / "beats.bin"

    @property
    def beats_description(self) -> Path:
        return self.path / "beats.json"

    @property
    def views(self) -> Path:
        return self.path / "views.jsonl"

    def final_reads(self, trial: int) -> Path:
        """What was read from each key's master after trial `trial`."""
        return self.path / f"final_reads-{trial}.bin"

    @property
    def final_reads_description(self) -> Path:
        return self.path / "final_reads.json"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    def log(self, node: str) -> Path:
        """What one node said."""
        return self.logs / f"{node}.log"

    @property
    def nodes(self) -> Path:
        """What local servers have on disk while the run lasts."""
        return self.path / "nodes"

    @property
    def supervisor_log(self) -> Path:
        """What the parent of local servers said on its standard error."""
        return self.path / "supervisor.log"

    @property
    def proxy_log(self) -> Path:
        """What the proxies before local servers said on their standard error."""
        return self.path / "proxy.log"

    @property
    def load_log(self) -> Path:
        """What the load's process said on its standard error."""
        return self.path / "load.log"

    @property
    def observer_log(self) -> Path:
        """What the observer's process said on its standard error."""
        return self.path / "observer.log"

    @property
    def metrics(self) -> Path:
        return self.path / "metrics.om"

    def report(self, file_name: str) -> Path:
        """A rendering of the result."""
        return self.path / file_name

    @property
    def lock_file(self) -> Path:
        return self.path / "lock"

    def hold(self) -> RunLock:
        """Takes the run's lock, which says that the run is alive until it is released or its process ends.

        Raises EnvironmentLacks if another process holds it.
        """
        return RunLock(self.lock_file)

    @property
    def is_alive(self) -> bool:
        """Whether a process on this host holds the run's lock."""
        try:
            with RunLock(self.lock_file):
                return False
        except EnvironmentLacks:
            return True
        except FileNotFoundError:
            return False


class RunLock:
    """An exclusive lock on a run; the kernel frees it when its process ends, however it ends."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self.release()
            raise EnvironmentLacks(f"another process holds {path}: its run is still alive") from error

    def release(self) -> None:
        """Frees the lock; harmless when repeated."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> RunLock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def all_runs(reports: Path) -> Iterator[RunDirectory]:
    """Every run kept in `reports`, oldest first (run ids sort by time)."""
    if not reports.is_dir():
        return
    for path in sorted(reports.iterdir()):
        if not path.is_symlink() and is_run(path):
            yield RunDirectory(path)


def is_run(path: Path) -> bool:
    """Whether a directory looks like a run's: it has a lock file or a plan."""
    return (path / "lock").is_file() or (path / "plan.json").is_file()


def _point_latest(reports: Path, run_id: str) -> None:
    """Replaces the link in one step, so that no reader ever finds it missing."""
    temporary = reports / f".{LATEST}-{run_id}"
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(run_id, target_is_directory=True)
    temporary.replace(reports / LATEST)
