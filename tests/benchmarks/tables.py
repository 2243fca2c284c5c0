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

from tests.e2e.harness import ROOT, run

RUNS = 10
NODE_TIMEOUTS_MS = (1000, 2000, 5000)
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
    """The failovers of one fault at one node timeout."""

    scenario: str
    node_timeout_ms: int
    failovers: list[dict[str, Any]]
    lost: list[int]
    others: int
    """Runs that gave no failover to measure."""

    def cells(self) -> list[str]:
        phases = [_spread([one["phases"][phase] for one in self.failovers]) for phase in PHASES]
        inside = sum(bool(one["inside_prediction"]) for one in self.failovers)
        lost = f"{min(self.lost)} … {max(self.lost)}" if self.lost else "–"
        return [
            self.scenario,
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
            rows.append(_measure(scenario, node_timeout_ms, runs))
            print(" | ".join(rows[-1].cells()), flush=True)
    PAGE.write_text(HEAD + "\n" + _table(rows) + "\n" + "\n".join(_notes(rows)), encoding="utf-8")


def _measure(scenario: str, node_timeout_ms: int, runs: int) -> Row:
    hold = 1.5 * node_timeout_ms / 1000 + 4
    words = [f"cluster.config.cluster-node-timeout={node_timeout_ms}", "warmup=3s", "faults.1.at=1s"]
    words += [f"faults.1.for={hold}s", f"duration={hold + 4}s"]
    failovers: list[dict[str, Any]] = []
    lost: list[int] = []
    others = 0
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(runs):
            options = [option for word in words for option in ("--set", word)]
            ended = run(scenario, *options, "--quiet", reports=Path(folder) / "reports")
            trials = ended.result["trials"] if ended.code in (0, 1) else []
            seen = [failover for trial in trials for failover in trial["failovers"]]
            failovers += seen
            others += not seen
            lost += [trial["data"]["lost"] for trial in trials if trial["data"]["lost"] is not None]
    return Row(scenario, node_timeout_ms, failovers, lost, others)


def _table(rows: list[Row]) -> str:
    headers = ["scenario", "node timeout ms", "n", *PHASES, "inside the prediction", "lost writes"]
    return tabulate([row.cells() for row in rows], headers=headers, tablefmt="github", disable_numparse=True)


def _notes(rows: list[Row]) -> Iterator[str]:
    for row in rows:
        place = f"{row.scenario} at {row.node_timeout_ms} ms"
        for one in row.failovers:
            if not one["inside_prediction"]:
                yield f"\n- {place}: {one['phases']['serving']} s, outside its prediction: {one['explanation']}"
        if row.others:
            yield f"\n- {place}: {row.others} runs without a failover to measure"
    yield "\n"


def _spread(seconds: list[float | None]) -> str:
    known = [one for one in seconds if one is not None]
    if not known:
        return "–"
    return f"{min(known):.2f} / {statistics.median(known):.2f} / {max(known):.2f}"


if __name__ == "__main__":
    main(sys.argv[1:])
