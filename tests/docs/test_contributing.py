"""CONTRIBUTING.md: its examples work when they are put where it says."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chaos.analysis.facts import run_facts
from chaos.analysis.prediction import redis_cluster_envelope
from chaos.analysis.result import result_of
from chaos.checks.check import CHECKS
from chaos.checks.judge import judge
from chaos.cli.catalogue import build_catalogue
from chaos.cluster import Cluster
from chaos.drivers.driver import RunLabel
from chaos.faults.fault import FAULTS
from chaos.model.injection import CONFIRMED
from chaos.registry import Family
from chaos.reports.report import REPORTS
from chaos.runner.draft import check_capabilities, draft_plan
from chaos.runner.parts import make_system, open_ground
from chaos.scenario.language import Scenario
from chaos.scenario.reader import read_scenario
from chaos.systems.system import Answer
from tests.docs.project_pages import ROOT, code_blocks
from tests.evidence_builder import expect, failover

EXAMPLES = {
    block.splitlines()[0].removeprefix("# "): block for block in code_blocks(ROOT / "CONTRIBUTING.md", "python")
}
"""Path in the project → the file's text, for every example."""
FAMILIES: tuple[Family[Any], ...] = (FAULTS, CHECKS, REPORTS)
SCENARIO = """\
name: example
cluster: {system: toy, shards: 2, replicas: 1}
faults: [{name: end, at: 1s, terminate: {target: master of shard 1, signal: INT}}]
expect: {outages: at most 1}
"""


@pytest.fixture(autouse=True)
def contributed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every example is a file in its family's folder; afterwards nothing is left of it."""
    for family in FAMILIES:
        family.all()  # a member registers once, when it is imported: none may do so in the copy only
        monkeypatch.setattr(family, "_classes", dict(family._classes))
    for path, text in EXAMPLES.items():
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        package = importlib.import_module(path.rpartition("/")[0].replace("/", "."))
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(file.parent)])
    build_catalogue.cache_clear()
    yield
    build_catalogue.cache_clear()
    for path in EXAMPLES:
        sys.modules.pop(path.removesuffix(".py").replace("/", "."), None)


@pytest.fixture
def scenario(tmp_path: Path) -> Scenario:
    file = tmp_path / "example.yml"
    file.write_text(SCENARIO, encoding="utf-8")
    return read_scenario(file, build_catalogue())


def test_one_example_for_each_family_of_small_members() -> None:
    """There is an example of a fault, of a check and of a report."""
    assert sorted(path.split("/")[1] for path in EXAMPLES) == ["checks", "faults", "reports"]


def test_the_families_find_the_examples() -> None:
    """A file in the family's folder is all it takes: the family lists it and imports its class from there."""
    for family, name in zip(FAMILIES, ("terminate", "outages", "sentence"), strict=True):
        assert name in family.names()
        assert family.get(name).__module__.endswith(f".{name}")


def test_a_scenario_may_use_them(scenario: Scenario) -> None:
    """The reader knows the new fault with its option, and the new check with its bound."""
    assert scenario.faults[0].options == {"signal": "INT"}
    assert scenario.expect[0].check == "outages"


async def test_the_fault_acts_and_is_undone(scenario: Scenario) -> None:
    """Injected on a node of the fake world the example takes effect, and its revert brings the node back."""
    ground = await open_ground("memory", RunLabel("docs-example", "docs-example", ""))
    driver, system = ground.driver, make_system(scenario)
    try:
        check_capabilities(scenario, driver)
        server = await driver.identify(scenario.cluster, fetch=True)
        plan = await draft_plan(scenario, ground, system, server, run_id="docs-example", seed=1, dry=False)
        cluster = Cluster(driver, system, plan, await driver.up(plan.nodes, server), None)
        await system.form(cluster, 5.0)
        fault, node = FAULTS.get("terminate").model_validate(scenario.faults[0].options), cluster.nodes["toy-1"]
        undo = await fault.prepare(cluster, node)
        await fault.inject(cluster, node)
        assert (await fault.effect(cluster, node)).effect == CONFIRMED
        await fault.revert(cluster, node, undo)
        await fault.revert(cluster, node, undo)
        assert await cluster.ask("toy-1") is Answer.ANSWERS
    finally:
        assert await driver.down() == []
        await driver.close()


def test_the_check_counts_and_the_report_renders() -> None:
    """The example check finds the one outage of a failover, and the example report says how that was judged."""
    evidence = failover().evidence(expect("outages", "0", "count"))
    facts = run_facts(evidence, redis_cluster_envelope(5.0))
    expectations = judge(evidence, facts)
    assert expectations[0].measured == 1
    text = REPORTS.get("sentence")().render(result_of(evidence, facts, expectations))
    assert text.startswith("master-kill: fail, ")
