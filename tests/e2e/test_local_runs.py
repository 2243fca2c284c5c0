"""Real runs on local processes: no engine, and the same scenarios."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from chaos.drivers import _local_registry as registry
from tests.e2e.harness import QUICK, ROOT, Ended, chaos, processes_of, run, run_id, started, wait_for, wait_for_event

SHORT = ("--set", "faults.1.at=3s", "--set", "faults.1.for=9s", "--set", "duration=18s")
NO_ENGINE = {"DOCKER_HOST": "unix:///nowhere/docker.sock"}
PAUSE = str(ROOT / "scenarios" / "master-pause.yml")


def nothing_is_left_of(ended: Ended) -> bool:
    """No process, no folder of a node, no entry in the registry."""
    name, folder = ended.directory.name, ended.directory / "nodes"
    return processes_of(ended.reports) == [] and not folder.exists() and registry.read(name) is None


def test_a_killed_master_is_replaced(reports: Path) -> None:
    """Without an engine the main scenario runs on local processes, passes, says why and on what, and leaves nothing."""
    scenario = str(ROOT / "scenarios" / "master-kill.yml")
    ended = chaos("run", scenario, *QUICK, *SHORT, reports=reports, environment=NO_ENGINE)
    assert ended.code == 0, ended.output + ended.errors
    first = ended.output.splitlines()[0]
    assert "driver local (no Docker engine: " in first
    assert "in place of redis:7.2-alpine: local processes run binaries, not images" in first
    [failover] = ended.result["trials"][0]["failovers"]
    assert None not in failover["phases"].values()
    assert nothing_is_left_of(ended)


@pytest.mark.parametrize("scenario", ["master-disconnect", "master-pause"])
def test_a_cut_or_frozen_master_is_replaced(scenario: str, reports: Path) -> None:
    """The replica takes over, the effect is confirmed, and the result says by which means it was done here."""
    ended = run(scenario, *QUICK, *SHORT, reports=reports, driver="local")
    assert ended.code == 0, ended.output + ended.errors
    [injection] = ended.result["trials"][0]["injections"]
    assert injection["effect"] == "confirmed"
    assert ("proxies" in injection["mechanism"]) == (scenario == "master-disconnect")
    assert nothing_is_left_of(ended)


def test_a_killed_harness_takes_everything_along(reports: Path) -> None:
    """After kill -9 in the middle of a fault every process ends by itself, and there is nothing to heal or to clean."""
    with started("run", PAUSE, "--driver", "local", *QUICK, "--set", "faults.1.at=1s", reports=reports) as process:
        wait_for_event(reports, "injection_effective")
        process.kill()
        process.communicate()
    name = run_id(reports)
    wait_for("the end of all processes", lambda: not processes_of(reports))
    wait_for("the end of the run's entry", lambda: registry.read(name) is None)
    healed = chaos("heal", "latest", reports=reports)
    assert (healed.code, "gone, nothing to undo" in healed.output) == (0, True)
    assert name not in chaos("clean", reports=reports).output


def test_a_kept_cluster_stays_until_it_is_cleaned(reports: Path, tmp_path: Path) -> None:
    """--keep leaves local nodes running; `chaos clean` removes them."""
    scenario = tmp_path / "kept.yml"
    scenario.write_text(
        "cluster: {config: {cluster-node-timeout: 2000}}\nload: {rate: 200/s, keys: 100}\nwarmup: 1s\nduration: 2s\n"
    )
    ended = run(str(scenario), "--keep", reports=reports, driver="local")
    assert ended.code == 0, ended.output + ended.errors
    assert len(processes_of(reports)) == 6
    cleaned = chaos("clean", reports=reports)
    assert f"removed  {ended.directory.name}: 6 nodes (local)" in cleaned.output
    assert nothing_is_left_of(ended)


def test_a_binary_is_no_matter_for_the_engine(reports: Path) -> None:
    """A scenario that names a binary runs on local processes by itself."""
    words = ("--set", "cluster.binary=/nowhere/redis-server")
    planned = chaos("plan", str(ROOT / "scenarios" / "master-kill.yml"), *words, reports=reports)
    assert planned.code == 3
    assert planned.errors == "chaos: cluster.binary: /nowhere/redis-server is no program that can be run here\n"


def test_the_plan_names_every_setting(reports: Path) -> None:
    """What the harness sets for life on a loopback stands in the plan."""
    planned = chaos(
        "plan", str(ROOT / "scenarios" / "master-disconnect.yml"), "--driver", "local", "--json", reports=reports
    )
    settings = {one["name"]: one["origin"] for one in json.loads(planned.output)["settings"]}
    for name in ("bind", "cluster-announce-ip", "cluster-announce-port", "cluster-announce-bus-port"):
        assert settings[name] == "harness"
