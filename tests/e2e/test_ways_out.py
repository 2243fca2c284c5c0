"""Every way out of a run: whatever ends it, faults are healed and nothing of it is left."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from tests.e2e.harness import (
    QUICK,
    ROOT,
    chaos,
    interrupted,
    left_of,
    located,
    processes_of,
    run,
    run_id,
    started,
    wait_for,
    wait_for_event,
)

pytestmark = pytest.mark.engine

KILL = str(ROOT / "scenarios" / "master-kill.yml")
PAUSE = str(ROOT / "scenarios" / "master-pause.yml")
EARLY = ("--set", "faults.1.at=1s")


@pytest.mark.parametrize(
    ("number", "code", "moment"),
    [
        (signal.SIGINT, 130, "run_started"),
        (signal.SIGTERM, 143, "node_started"),
        (signal.SIGINT, 130, "injection_effective"),
        (signal.SIGTERM, 143, "injection_issued"),
    ],
)
def test_an_interrupted_run_heals_and_removes_everything(
    number: signal.Signals, code: int, moment: str, reports: Path
) -> None:
    """SIGINT and SIGTERM, while building or in the middle of a fault, leave nothing broken and nothing behind."""
    with started("run", PAUSE, "--driver", "docker", *QUICK, *EARLY, reports=reports) as process:
        wait_for_event(reports, moment)
        ended = interrupted(process, number, reports)
    assert ended.code == code, ended.output + ended.errors
    assert left_of(run_id(reports)) == []
    assert processes_of(reports) == []
    if moment.startswith("injection"):
        steps = [json.loads(line)["step"] for line in (ended.directory / "ledger.jsonl").read_text().splitlines()]
        assert steps[-1] == "reverted"


def test_a_killed_harness_is_healed_and_cleaned_by_the_next_commands(reports: Path) -> None:
    """After kill -9 the children end by themselves, `chaos heal` undoes the fault, `chaos clean` removes the rest."""
    with started("run", PAUSE, "--driver", "docker", *QUICK, *EARLY, reports=reports) as process:
        wait_for_event(reports, "injection_effective")
        process.kill()
        process.communicate()
    run_name = run_id(reports)
    wait_for("the end of the children", lambda: not processes_of(reports))
    assert left_of(run_name) != []
    healed = chaos("heal", "latest", reports=reports)
    assert healed.code == 0, healed.errors
    assert "redis-3: 'freeze' (pause) undone" in healed.output
    again = chaos("heal", "latest", reports=reports)
    assert "nothing to undo" in again.output
    cleaned = chaos("clean", reports=reports)
    assert cleaned.code == 0, cleaned.errors
    assert run_name in cleaned.output
    assert left_of(run_name) == []


def test_a_failed_expectation_ends_with_1_and_leaves_nothing(reports: Path) -> None:
    """A bound that cannot hold fails the run, and the run is cleaned up like any other."""
    words = (
        "--set",
        "faults.1.at=1s",
        "--set",
        "faults.1.for=2s",
        "--set",
        "duration=5s",
        "--set",
        "expect.failovers=3",
    )
    ended = run("quick-restart", *QUICK, *words, reports=reports)
    assert ended.code == 1, ended.output + ended.errors
    assert ended.verdicts["failovers"] == "fail"
    assert left_of(ended.directory.name) == []


def test_without_an_engine_one_line_says_so(reports: Path) -> None:
    """No engine: exit 3, one line, no run directory."""
    ended = run("master-kill", reports=reports, environment={"DOCKER_HOST": "unix:///nowhere/docker.sock"})
    assert ended.code == 3
    assert len(ended.errors.strip().splitlines()) == 1, ended.errors
    assert not reports.exists()


def test_without_an_image_the_command_that_builds_one_is_named(reports: Path) -> None:
    """An image that can neither be pulled nor stood in for: exit 3, and what to do."""
    words = ("--set", "cluster.image=valkey/valkey:0.0", "--set", "cluster.pull=never")
    ended = run("master-kill", *words, reports=reports)
    assert ended.code == 3
    assert "chaos image build valkey" in ended.errors
    assert not reports.exists()


def test_a_taken_metrics_port_leaves_nothing(reports: Path) -> None:
    """The port asked for is taken: exit 3, and the network that was made already is removed."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = run("master-kill", "--metrics-port", str(port), reports=reports)
    assert ended.code == 3
    assert str(port) in ended.errors
    assert not (reports / "latest").exists()


def test_ten_mistakes_are_ten_located_errors(reports: Path, tmp_path: Path) -> None:
    """A scenario with ten different mistakes shows ten places with exit 2, and nothing is started."""
    scenario = tmp_path / "wrong.yml"
    scenario.write_text(TEN_MISTAKES)
    ended = run(str(scenario), reports=reports)
    assert ended.code == 2
    assert len(located(ended.errors)) == 10, ended.errors
    assert not reports.exists()


def test_several_scenarios_end_with_the_gravest_code(reports: Path, tmp_path: Path) -> None:
    """A folder's scenarios run one after another; one that fails decides over one that passes."""
    for name, failovers in (("a", 0), ("b", 7)):
        (tmp_path / f"{name}.yml").write_text(SMALL.format(name=name, failovers=failovers))
    ended = run(str(tmp_path), "--json", reports=reports)
    assert ended.code == 1, ended.errors
    verdicts = [json.loads(line)["verdict"] for line in ended.output.splitlines()]
    assert verdicts == ["pass", "fail"]


def test_a_kept_cluster_stays_until_it_is_cleaned(reports: Path, tmp_path: Path) -> None:
    """--keep leaves healed nodes running; `chaos clean` removes them once the run is over."""
    scenario = tmp_path / "kept.yml"
    scenario.write_text(SMALL.format(name="kept", failovers=0))
    ended = run(str(scenario), "--keep", reports=reports)
    assert ended.code == 0, ended.output + ended.errors
    assert len(left_of(ended.directory.name)) == 6 + 1 + 6
    assert chaos("clean", reports=reports).code == 0
    assert left_of(ended.directory.name) == []


SMALL = """\
name: {name}
cluster: {{shards: 3, replicas: 1, config: {{cluster-node-timeout: 2000}}}}
load: {{rate: 200/s, keys: 100}}
warmup: 1s
duration: 2s
expect: {{failovers: {failovers}}}
"""

TEN_MISTAKES = """\
name: ten mistakes
cluster:
  system: redis-clutser
  shards: many
  replicas: -1
  config: {port: 7000}
load:
  rate: 2000
  writes: 150%
faults:
  - name: one
    at: 10
    kil: master of shard 3
duration: 30s
expect:
  recovery_tme: <= 9s
  error_rate: <= 5s
"""
