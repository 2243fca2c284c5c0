"""`make tables`: measures the tables of docs/tables.md anew, ten failovers a row, and writes the page.

python -m tests.benchmarks.tables [RUNS]
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tabulate import tabulate

from tests.e2e.harness import ROOT, Ended, run

RUNS = 10
NODE_TIMEOUTS_MS = (1000,)
DRIVERS = ("docker", "local")
SCENARIOS = ("master-kill", "master-pause", "master-disconnect")
PHASES = ("suspected", "agreed", "elected", "serving", "client_recovered")
PAGE = ROOT / "docs" / "tables.md"

HEAD = """\
# Measured tables

Written by `make tables`; nothing here is typed by hand. Six nodes (3 + 1 each), append-only files on, 2000 operations
a second beside it. Seconds since the fault took effect, min / median / max over the failovers of a row.
"""


@dataclass(frozen=True)
class Row:
    """The failovers of one fault at one node timeout on one driver."""

    scenario: str
    driver: str
    node_timeout_ms: int
    failovers: list[dict[str, Any]]
    lost: list[int]
    others: list[str]
    """Why runs gave no failover to measure."""

    def take(self, ended: Ended) -> None:
        """Adds what one run measured."""
        trials = ended.result["trials"] if ended.code in (0, 1, 4) else []
        seen = [failover for trial in trials for failover in trial["failovers"]]
        self.failovers.extend(seen)
        self.lost.extend(trial["data"]["lost"] for trial in trials if trial["data"]["lost"] is not None)
        if not seen:
            self.others.append(ended.result["reason"] if trials else ended.errors.strip())

    def cells(self) -> list[str]:
        phases = [_spread([one["phases"][phase] for one in self.failovers]) for phase in PHASES]
        inside = sum(bool(one["inside_prediction"]) for one in self.failovers)
        lost = f"{min(self.lost)} … {max(self.lost)}" if self.lost else "–"
        return [
            self.scenario,
            self.driver,
            str(self.node_timeout_ms),
            str(len(self.failovers)),
            *phases,
            f"{inside} of {len(self.failovers)}",
            lost,
        ]


def main(words: list[str]) -> None:
    runs = int(words[0]) if words else RUNS
    rows = []
    for node_timeout_ms in NODE_TIMEOUTS_MS:
        for scenario in SCENARIOS:
            rows += _measure(scenario, node_timeout_ms, runs)
            for row in rows[-len(DRIVERS) :]:
                print(" | ".join(row.cells()), flush=True)
    PAGE.write_text(HEAD + "\n" + _table(rows) + "\n" + "\n".join(_notes(rows)), encoding="utf-8")


def _measure(scenario: str, node_timeout_ms: int, runs: int) -> list[Row]:
    """A row for each driver; the drivers take turns, so that both meet the same noise."""
    hold = 1.5 * node_timeout_ms / 1000 + 4
    words = [f"cluster.config.cluster-node-timeout={node_timeout_ms}", "warmup=3s", "faults.1.at=1s"]
    words += [f"faults.1.for={hold}s", f"duration={hold + 4}s"]
    options = [option for word in words for option in ("--set", word)]
    rows = [Row(scenario, driver, node_timeout_ms, [], [], []) for driver in DRIVERS]
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(runs):
            for row in rows:
                row.take(run(scenario, *options, "--quiet", reports=Path(folder) / "reports", driver=row.driver))
    return rows


def _table(rows: list[Row]) -> str:
    headers = ["scenario", "driver", "node timeout ms", "n", *PHASES, "inside the prediction", "lost writes"]
    return tabulate([row.cells() for row in rows], headers=headers, tablefmt="github", disable_numparse=True)


def _notes(rows: list[Row]) -> Iterator[str]:
    for row in rows:
        place = f"{row.scenario} on {row.driver} at {row.node_timeout_ms} ms"
        for one in row.failovers:
            if not one["inside_prediction"]:
                yield f"\n- {place}: {one['phases']['serving']} s, outside its prediction: {one['explanation']}"
        for reason in row.others:
            yield f"\n- {place}: a run without a failover to measure: {reason}"
    yield "\n"


def _spread(seconds: list[float | None]) -> str:
    known = [one for one in seconds if one is not None]
    if not known:
        return "–"
    return f"{min(known):.2f} / {statistics.median(known):.2f} / {max(known):.2f}"


if __name__ == "__main__":
    main(sys.argv[1:])
