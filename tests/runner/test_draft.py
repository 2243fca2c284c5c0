"""The draft: what is decided before anything starts."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from chaos.drivers.driver import Driver, RunLabel
from chaos.drivers.memory import Memory
from chaos.errors import EnvironmentLacks, UsageError
from chaos.model.plan import RunPlan
from chaos.runner.draft import check_capabilities, draft_plan, new_run_id, password_of
from chaos.runner.parts import make_system, open_ground
from chaos.scenario.language import Scenario
from tests.runner.toy_run import KILL, document, left_in_the_world, play

LABEL = RunLabel("run-1", "test-host", "/")


class OnlyBuilds(Driver):
    """A driver without any further ability."""

    open = Memory.open
    close = Memory.close
    identify = Memory.identify
    reserve = Memory.reserve
    up = Memory.up
    down = Memory.down
    attach = Memory.attach
    remains = Memory.remains
    state = Memory.state
    name = "only-builds"


async def drafted(scenario: Scenario, *, dry: bool) -> RunPlan:
    ground = await open_ground("memory", LABEL)
    server = await ground.driver.identify(scenario.cluster, fetch=False)
    try:
        return await draft_plan(scenario, ground, make_system(scenario), server, run_id="run-1", seed=3, dry=dry)
    finally:
        if not dry:
            await ground.driver.down()


def test_run_ids_tell_when_and_what() -> None:
    """A run id begins with the time, names the scenario in plain letters, and is never the same twice."""
    first, second = new_run_id("Master kill/Ä!"), new_run_id("Master kill/Ä!")
    assert re.fullmatch(r"\d{8}-\d{6}-master-kill-[0-9a-f]{4}", first)
    assert first != second


def test_a_dry_draft_reserves_nothing(tmp_path: Path) -> None:
    """A plan that is only shown takes no network, and names the places that a run would take now."""
    plan = play(drafted(document(tmp_path).scenario, dry=True))
    assert left_in_the_world() == []
    assert [node.place.host for node in plan.nodes][:2] == ["198.18.0.11", "198.18.0.12"]


def test_the_plan_says_everything(tmp_path: Path) -> None:
    """Nodes, timeline, chosen settings and all defaults stand in the plan, and it survives being written down."""
    plan = play(drafted(document(tmp_path, config={"node-timeout": "700"}).scenario, dry=False))
    assert len(plan.nodes) == 6
    assert [(entry.name, entry.at, entry.until) for entry in plan.timeline] == [("death", 2.0, 8.0)]
    assert [(one.name, one.value, one.origin) for one in plan.settings] == [("node-timeout", "700", "scenario")]
    assert plan.defaults["settle"] == 5.0
    assert RunPlan.model_validate_json(plan.model_dump_json()) == plan


def test_a_missing_capability_is_found_before_anything_starts(tmp_path: Path) -> None:
    """A driver that cannot do what a fault needs is refused, naming fault, capability and driver."""
    scenario = document(tmp_path, faults=[KILL]).scenario
    check_capabilities(scenario, Memory(LABEL))
    with pytest.raises(EnvironmentLacks, match=r"'death' \(kill\) needs Lifecycle.*'only-builds' has not got"):
        check_capabilities(scenario, OnlyBuilds(LABEL))


def test_a_password_comes_from_the_environment(tmp_path: Path) -> None:
    """The password is what the variable that is named holds; a variable that is not set is an error."""
    scenario = document(tmp_path).scenario
    secured = scenario.model_copy(
        update={"cluster": scenario.cluster.model_copy(update={"password_variable": "TOY_PASSWORD"})}
    )
    assert password_of(scenario, {}) is None
    assert password_of(secured, {"TOY_PASSWORD": "secret"}) == "secret"
    with pytest.raises(UsageError, match="TOY_PASSWORD is not set"):
        password_of(secured, {})
