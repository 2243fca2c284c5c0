"""The product as a user runs it: the `chaos` command in a process of its own, and what is left afterwards."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
QUICK = ("--set", "cluster.config.cluster-node-timeout=2000", "--set", "warmup=3s")
"""A node timeout of 2 s makes a failover take 2.5 to 5.3 s."""
END_SECONDS = 240.0


@dataclass(frozen=True)
class Ended:
    """A command that has ended."""

    code: int
    output: str
    errors: str
    reports: Path

    @property
    def directory(self) -> Path:
        """The newest run directory."""
        return (self.reports / "latest").resolve()

    @property
    def result(self) -> dict[str, Any]:
        return dict(json.loads((self.directory / "result.json").read_text()))

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.directory / "journal.jsonl").read_text().splitlines()]

    @property
    def verdicts(self) -> dict[str, str]:
        return {one["check"]: one["verdict"] for one in self.result["expectations"]}


def chaos(*words: str, reports: Path, environment: Mapping[str, str] | None = None) -> Ended:
    """Runs a command to its end."""
    with started(*words, reports=reports, environment=environment) as process:
        output, errors = process.communicate(timeout=END_SECONDS)
        return Ended(process.returncode, output, errors, reports)


def run(
    scenario: str,
    *words: str,
    reports: Path,
    environment: Mapping[str, str] | None = None,
    driver: str = "docker",
) -> Ended:
    """`chaos run` of a shipped scenario, or of a file."""
    path = scenario if "/" in scenario else str(ROOT / "scenarios" / f"{scenario}.yml")
    return chaos("run", path, "--driver", driver, *words, reports=reports, environment=environment)


@contextmanager
def started(
    *words: str, reports: Path, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """A command that is running; it is asked to end, and to clean up, if the test leaves it behind."""
    takes_reports = words[0] in ("run", "report", "heal", "clean")
    options = ["--reports", str(reports)] if takes_reports else []
    process = subprocess.Popen(
        [sys.executable, "-m", "chaos", *words, *options],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "120", **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            process.communicate(timeout=END_SECONDS)


def wait_for(what: str, look: Callable[[], Any], seconds: float = 60.0) -> Any:
    """Looks until there is something; fails the test, naming what was waited for, if there never is."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"{what} did not come within {seconds:g} s")


def wait_for_event(reports: Path, name: str, seconds: float = 60.0) -> dict[str, Any]:
    """Waits until the newest run's journal holds an event of that name."""

    def look() -> dict[str, Any] | None:
        journal = reports / "latest" / "journal.jsonl"
        lines = journal.read_text().splitlines(keepends=True) if journal.is_file() else []
        events = (json.loads(line) for line in lines if line.endswith("\n"))
        return next((event for event in events if event["event"] == name), None)

    found: dict[str, Any] = wait_for(f"the event '{name}'", look, seconds)
    return found


def run_id(reports: Path) -> str:
    return (reports / "latest").resolve().name


def left_of(run_id: str) -> list[str]:
    """The containers, networks and volumes that carry the label of a run."""
    label = f"label=chaos.run={run_id}"
    found: list[str] = []
    for listing in (["ps", "--all"], ["network", "ls"], ["volume", "ls"]):
        words = ["docker", *listing, "--quiet", "--filter", label]
        found += subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()
    return found


def processes_of(reports: Path) -> list[str]:
    """The command lines of living processes that a run in this folder started: they inherit its standard streams."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            target = os.readlink(folder / "fd" / "2")
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if target.startswith(str(reports)):
            found.append(command)
    return found


def interrupted(process: subprocess.Popen[str], number: signal.Signals, reports: Path) -> Ended:
    """Sends a signal to the command and waits for its end."""
    process.send_signal(number)
    output, errors = process.communicate(timeout=END_SECONDS)
    return Ended(process.returncode, output, errors, reports)


def located(text: str) -> list[str]:
    """The lines that name a place: file:line:column."""
    return [line for line in text.splitlines() if re.match(r"^\S+:\d+:\d+: ", line)]
