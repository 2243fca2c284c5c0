"""Real failovers: what each shipped scenario says should hold does hold, on real servers."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from chaos.archive.run_directory import RunDirectory
from chaos.runner.judging import judge_run
from chaos.systems.redis_cluster import RedisCluster
from tests.e2e.harness import QUICK, ROOT, Ended, left_of, processes_of, run

pytestmark = pytest.mark.engine

SHORT = ("--set", "faults.1.at=3s", "--set", "faults.1.for=9s", "--set", "duration=18s")
"""A fault that outlasts a failover at a node timeout of 2 s, and time to heal."""


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """One run of the main scenario, looked at by several tests."""
    return run("master-kill", *QUICK, *SHORT, reports=tmp_path_factory.mktemp("killed") / "reports")


def only_failover(ended: Ended) -> dict[str, Any]:
    [trial] = ended.result["trials"]
    [failover] = trial["failovers"]
    return dict(failover)


def test_a_killed_master_is_replaced_and_the_run_passes(killed: Ended) -> None:
    """master-kill ends with exit 0 and every expectation holds."""
    assert killed.code == 0, killed.output + killed.errors
    assert set(killed.verdicts.values()) == {"pass"}


def test_every_phase_of_the_failover_is_filled(killed: Ended) -> None:
    """No phase is missing, each has an uncertainty below a tenth of a second, and they come in their order."""
    failover = only_failover(killed)
    phases = failover["phases"]
    assert None not in phases.values()
    assert all(failover["uncertainty_seconds"][phase] < 0.1 for phase in phases)
    assert phases["suspected"] <= phases["agreed"] <= phases["elected"] <= phases["serving"] + 0.05
    assert phases["serving"] < phases["redundant"]


def test_the_measured_failover_lies_in_its_prediction_or_is_explained(killed: Ended) -> None:
    """Serving falls into the server's own envelope, or the log says why it did not."""
    failover = only_failover(killed)
    assert failover["predicted"]["low"] == pytest.approx(2.5)
    assert failover["inside_prediction"] or "unexplained" not in failover["explanation"]


def test_the_effect_of_the_kill_was_confirmed_by_a_probe(killed: Ended) -> None:
    """The injection is confirmed, on the master of shard 3, with an instant known to a few milliseconds."""
    [injection] = killed.result["trials"][0]["injections"]
    assert (injection["effect"], injection["nodes"]) == ("confirmed", ["redis-3"])
    assert injection["effective_uncertainty_seconds"] < 0.05


def test_nothing_of_a_run_is_left(killed: Ended) -> None:
    """No container, network, volume or process outlives the run."""
    assert left_of(killed.directory.name) == []
    assert processes_of(killed.reports) == []


def test_the_result_follows_its_schema(killed: Ended) -> None:
    """result.json is valid under the schema in the repository."""
    schema = json.loads((ROOT / "chaos" / "model" / "result.schema.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(killed.result)


def test_an_old_run_is_judged_again_from_its_directory_alone(killed: Ended) -> None:
    """Judging the directory a second time gives the same trials and expectations."""
    again = json.loads(judge_run(RunDirectory(killed.directory), RedisCluster()).model_dump_json(by_alias=True))
    assert again["trials"] == killed.result["trials"]
    assert again["expectations"] == killed.result["expectations"]


def test_the_run_directory_holds_what_the_contract_names(killed: Ended) -> None:
    """Every file of a run is there and not empty, the log of each node included."""
    names = ["scenario.yml", "plan.json", "result.json", "journal.jsonl", "operations.bin", "operations.json"]
    names += ["beats.bin", "beats.json", "views.jsonl", "final_reads-1.bin", "final_reads.json", "ledger.jsonl"]
    names += ["report.md", "metrics.om", *(f"logs/redis-{number}.log" for number in range(1, 7))]
    assert [name for name in names if not (killed.directory / name).stat().st_size] == []


def test_the_ledger_was_written_before_the_fault_took_effect(killed: Ended) -> None:
    """The ledger's first line says `intended`, its last `reverted`."""
    steps = [json.loads(line)["step"] for line in (killed.directory / "ledger.jsonl").read_text().splitlines()]
    assert steps == ["intended", "injected", "reverted"]


def test_the_metrics_of_the_end_satisfy_promtool(killed: Ended) -> None:
    """`metrics.om` is OpenMetrics that Prometheus' own tool can store."""
    words = ["promtool", "tsdb", "create-blocks-from", "openmetrics", str(killed.directory / "metrics.om")]
    stored = subprocess.run([*words, str(killed.reports / "blocks")], capture_output=True, text=True, check=False)
    assert stored.returncode == 0, stored.stdout + stored.stderr


def test_the_blast_radius_on_the_other_shards_is_seen(killed: Ended) -> None:
    """With full coverage required, the shards that were not hit refuse writes for a while too."""
    gone = killed.result["trials"][0]["unavailable_seconds"]
    assert 0 < gone["redis/1"]["longest"] < gone["redis/3"]["longest"]


def test_clients_and_servers_are_reported_side_by_side(killed: Ended) -> None:
    """Both the strict and the application-like client have operations, and the latter recovered after the former."""
    assert {"load", "load/application"} <= set(killed.result["trials"][0]["load"])
    phases = only_failover(killed)["phases"]
    assert phases["client_recovered"] >= phases["serving"] - 0.05


@pytest.mark.parametrize("scenario", ["master-disconnect", "master-pause"])
def test_a_cut_or_frozen_master_is_replaced(scenario: str, reports: Path) -> None:
    """The replica takes over, the effect is confirmed by its own probe, and the old master becomes a replica."""
    ended = run(scenario, *QUICK, *SHORT, reports=reports)
    assert ended.code == 0, ended.output + ended.errors
    assert None not in only_failover(ended)["phases"].values()
    assert left_of(ended.directory.name) == []


def test_a_killed_replica_hurts_nobody(reports: Path) -> None:
    """No failover, no outage beyond a hiccup, and the replica is back with its link up."""
    words = ("--set", "faults.1.at=2s", "--set", "faults.1.for=5s", "--set", "duration=12s")
    ended = run("replica-kill", *QUICK, *words, reports=reports)
    assert ended.code == 0, ended.output + ended.errors
    assert ended.result["trials"][0]["failovers"] == []


def test_a_master_that_is_back_within_the_node_timeout_is_not_replaced(reports: Path) -> None:
    """quick-restart as shipped, with its node timeout of 5 s, sees no failover."""
    ended = run("quick-restart", "--set", "duration=14s", "--set", "warmup=3s", reports=reports)
    assert ended.code == 0, ended.output + ended.errors
    assert ended.result["trials"][0]["failovers"] == []


def test_a_master_that_returns_empty_is_noticed(reports: Path) -> None:
    """What `cluster_state:ok` hides fails: the run ends with 1, not converged, though nobody was promoted."""
    ended = run("empty-master", "--set", "duration=12s", "--set", "settle=5s", "--set", "warmup=3s", reports=reports)
    assert ended.code == 1, ended.output + ended.errors
    assert ended.verdicts["converged"] == "fail"
    assert ended.verdicts["lost_writes"] == "fail"
    assert ended.verdicts["failovers"] == "pass"


def test_everything_works_through_published_ports(reports: Path) -> None:
    """With `reach: ports` the same scenario passes, its clients mapping the addresses that nodes announce."""
    ended = run("master-kill", *QUICK, *SHORT, "--set", "cluster.reach=ports", reports=reports)
    assert ended.code == 0, ended.output + ended.errors
    plan = json.loads((ended.directory / "plan.json").read_text())
    assert {place["reach_host"] for place in plan["site"]["places"]} == {"127.0.0.1"}


def test_a_password_is_used_everywhere_and_written_nowhere(reports: Path) -> None:
    """A secured cluster passes the same scenario, and no file or output of the run holds the password."""
    secret = "s3cr3t-of-this-test"
    words = ("--set", "cluster.password=env CHAOS_TEST_PASSWORD", *QUICK, *SHORT)
    ended = run("master-kill", *words, reports=reports, environment={"CHAOS_TEST_PASSWORD": secret})
    assert ended.code == 0, ended.output + ended.errors
    files = [path for path in ended.directory.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()]
    assert files == []
    assert secret not in ended.output + ended.errors
