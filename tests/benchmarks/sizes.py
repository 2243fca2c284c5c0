"""Sizes: six nodes and thirty, in turn, built and formed by the harness; and the refusal above the machine's limit."""

from __future__ import annotations

import asyncio
import statistics

from tabulate import tabulate

from chaos.cli.catalogue import build_catalogue
from chaos.errors import EnvironmentLacks
from chaos.scenario.language import Scenario
from chaos.scenario.reader import read_scenario
from tests.benchmarks.build import SCENARIO, build_ours

ROUNDS = 3


def main() -> None:
    print(f"sizes: built, formed and verified, {ROUNDS} rounds in turn")
    seconds: dict[int, list[float]] = {6: [], 30: []}
    for _ in range(ROUNDS):
        for nodes, measured in seconds.items():
            measured.append(asyncio.run(build_ours(_scenario(nodes))))
    rows = [(nodes, statistics.median(measured), max(measured)) for nodes, measured in seconds.items()]
    print(tabulate(rows, headers=["nodes", "median s", "max s"], floatfmt=".2f"))
    print(f"ratio for five times the nodes: {statistics.median(seconds[30]) / statistics.median(seconds[6]):.1f}")
    try:
        asyncio.run(build_ours(_scenario(200)))
    except EnvironmentLacks as error:
        print(f"200 nodes are refused: {error}")


def _scenario(nodes: int) -> Scenario:
    return read_scenario(SCENARIO, build_catalogue(), [f"cluster.shards={nodes // 2}", "faults.1.target=any master"])
