"""Truth: the canary's first acknowledged write against the server log's own "election won", over kills and pauses.

The same runs show what watching costs (canaries and views, in shares of a core) and what a run
costs beyond its own scenario, part by part.
"""

from __future__ import annotations

import json
import statistics
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tabulate import tabulate

from tests.e2e.harness import run

RUNS = 10
WORDS = ("--set", "cluster.config.cluster-node-timeout=1000", "--set", "warmup=3s", "--set", "faults.1.at=1s")
WORDS += ("--set", "faults.1.for=6s", "--set", "duration=10s", "--quiet")


@dataclass(frozen=True)
class Seen:
    """One failover: seconds since the fault took effect."""

    scenario: str
    serving: float
    elected: float
    observer_share: float
    lateness_p99: float
    phases: dict[str, float]
    outside: str

    @property
    def difference(self) -> float:
        return self.serving - self.elected


def main() -> None:
    print(f"truth: {RUNS} kills and {RUNS} pauses of a master, node timeout 1 s, 2000 operations/s beside it")
    seen = list(_runs())
    rows = [_row(name, [one for one in seen if one.scenario == name]) for name in ("master-kill", "master-pause")]
    rows.append(_row("both", seen))
    headers = ["fault", "n", "serving s", "|canary - log| median ms", "max ms", "observers % of a core", "max %"]
    print(tabulate(rows, headers=headers, floatfmt=("", "", ".2f", ".2f", ".2f", ".1f", ".1f")))
    for one in seen:
        if one.outside:
            print(f"outside its prediction: {one.scenario}, {one.serving:.2f} s: {one.outside}")
    print()
    print("what a run costs beyond its own scenario, medians in seconds")
    names = ["build", "form", "settle", "final_reads", "teardown", "judge", "report"]
    medians = [statistics.median(one.phases[name] for one in seen) for name in names]
    print(tabulate([[*medians, sum(medians)]], headers=[*names, "in all"], floatfmt=".2f"))


def _runs() -> Iterator[Seen]:
    """Kills and pauses in turn, so that both meet the same noise."""
    with tempfile.TemporaryDirectory() as folder:
        for number in range(2 * RUNS):
            scenario = ("master-kill", "master-pause")[number % 2]
            ended = run(scenario, *WORDS, reports=Path(folder) / "reports")
            if ended.code not in (0, 1):
                print(f"{scenario} ended with {ended.code}: {ended.errors.strip() or ended.result['reason']}")
                continue
            yield _seen(scenario, ended.result, (ended.directory / "journal.jsonl").read_text())


def _seen(scenario: str, result: dict[str, Any], journal: str) -> Seen:
    [failover] = result["trials"][0]["failovers"]
    events = (json.loads(line) for line in journal.splitlines())
    observed = next(event["data"] for event in events if event["event"] == "observer_stopped")
    return Seen(
        scenario=scenario,
        serving=failover["phases"]["serving"],
        elected=failover["phases"]["elected"],
        observer_share=observed["processor_seconds"] / observed["seconds"],
        lateness_p99=observed["lateness_p99_seconds"],
        phases=result["phase_seconds"],
        outside="" if failover["inside_prediction"] else failover["explanation"],
    )


def _row(name: str, seen: list[Seen]) -> tuple[object, ...]:
    differences = [abs(one.difference) * 1000 for one in seen]
    shares = [one.observer_share * 100 for one in seen]
    return (
        name,
        len(seen),
        statistics.median(one.serving for one in seen),
        statistics.median(differences),
        max(differences),
        statistics.median(shares),
        max(shares),
    )
