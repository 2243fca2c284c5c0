"""Whole runs: what the toy store is told to do wrong is found, and what it does right passes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from chaos.model.event import Event
from chaos.model.result import PHASES, RunResult
from chaos.model.verdict import FAIL, INCONCLUSIVE, PASS
from chaos.runner.judging import judge_run
from chaos.runner.parts import make_system
from tests.runner.toy_run import KILL, LOAD, Heard, document, left_in_the_world, options, play_run, steps

PAUSE_ALL = {"name": "all", "at": "2s", "for": "5s", "pause": ["all masters", "all replicas"]}
REPLICA_KILL = {"name": "death", "at": "2s", "for": "6s", "kill": "replica of shard 2"}


def test_a_failover_passes(tmp_path: Path) -> None:
    """A killed master is succeeded by its replica, every server-side phase is known, and the run passes with 0."""
    expect = {"recovery_time": "<= 2s", "failovers": "1", "lost_writes": "0", "converged": "within 5s"}
    run = play_run(tmp_path, expect=expect)
    assert (run.exit_code, run.result.verdict) == (0, PASS)
    [failover] = run.trial.failovers
    assert (failover.injection, failover.shard, failover.from_, failover.to) == ("death", "redis/2", "toy-2", "toy-5")
    missing = [phase for phase in PHASES if failover.phases[phase] is None]
    assert missing == ["client_recovered"]  # the toy load has no application-like client
    assert failover.inside_prediction


def test_the_phases_come_in_order(tmp_path: Path) -> None:
    """Suspicion, agreement, election, serving and convergence follow one another by the toy store's own rule."""
    run = play_run(tmp_path, config={"node-timeout": "2000"})
    phases = run.trial.failovers[0].phases
    expected = {"suspected": 2.0, "agreed": 2.4, "elected": 3.0, "promoted": 3.0, "serving": 3.0, "converged": 6.0}
    assert {name: phases[name] for name in expected} == pytest.approx(expected, abs=0.03)


def test_a_run_leaves_nothing(tmp_path: Path) -> None:
    """After a run there is neither a node nor a network."""
    play_run(tmp_path)
    assert left_in_the_world() == []


def test_a_killed_replica_is_no_failover(tmp_path: Path) -> None:
    """The death of a replica promotes nobody and interrupts nothing."""
    run = play_run(tmp_path, faults=[REPLICA_KILL], expect={"failovers": "0", "recovery_time": "0s"})
    assert (run.exit_code, run.trial.failovers) == (0, ())


def test_a_paused_and_a_disconnected_master_fail_over(tmp_path: Path) -> None:
    """Freezing one master and cutting off another are both confirmed, survived and undone."""
    faults = [
        {"name": "freeze", "at": "1s", "for": "4s", "pause": "master of shard 1"},
        {"name": "cut", "at": "1s", "for": "4s", "disconnect": "master of shard 3"},
    ]
    run = play_run(tmp_path, cluster={"system": "toy", "shards": 5}, faults=faults, expect={"failovers": "2"})
    assert run.exit_code == 0
    assert {one.effect for one in run.trial.injections} == {"confirmed"}


def test_only_a_new_process_is_a_node_started(tmp_path: Path) -> None:
    """A node that was started again is told of with its new process id; one that was resumed or reconnected is not."""
    faults = [
        {"name": "death", "at": "1s", "for": "2s", "kill": "node toy-4"},
        {"name": "freeze", "at": "1s", "for": "2s", "pause": "node toy-5"},
        {"name": "cut", "at": "1s", "for": "2s", "disconnect": "node toy-6"},
    ]
    started = play_run(tmp_path, faults=faults).named("node_started")
    assert [event.data["node"] for event in started[6:]] == ["toy-4"]
    assert started[6].data["pid"] not in [event.data["pid"] for event in started[:6]]


def test_a_node_back_before_the_timeout_is_no_failover(tmp_path: Path) -> None:
    """A master that returns faster than the node timeout stays the master."""
    run = play_run(tmp_path, faults=[{**KILL, "for": "500ms"}], expect={"failovers": "0", "lost_writes": "0"})
    assert run.exit_code == 0


def test_an_empty_master_loses_writes(tmp_path: Path) -> None:
    """A master that returns in time with an empty disk is found by the lost writes, though its cluster says ok."""
    fault = {"name": "death", "at": "8s", "for": "500ms", "kill": {"target": "master of shard 2", "disk": "emptied"}}
    run = play_run(tmp_path, faults=[fault], expect={"failovers": "0", "lost_writes": "0"})
    assert (run.exit_code, run.expectation("lost_writes").verdict) == (1, FAIL)


def test_lost_writes_fail(tmp_path: Path) -> None:
    """A store that forgets acknowledged writes fails the run with exit code 1, and examples are given."""
    run = play_run(tmp_path, config={"lose-writes": "10"}, expect={"lost_writes": "0"})
    assert (run.exit_code, run.expectation("lost_writes").verdict) == (1, FAIL)
    assert run.trial.data.lost == run.expectation("lost_writes").measured
    assert run.trial.data.examples


def test_two_elections_are_counted(tmp_path: Path) -> None:
    """A store that elects twice after one death shows two failovers."""
    cluster = {"system": "toy", "shards": 3, "replicas": 2, "config": {"elections": "two"}}
    run = play_run(tmp_path, cluster=cluster, expect={"failovers": "1"})
    assert (run.exit_code, run.expectation("failovers").measured) == (1, 2)


def test_a_store_that_never_elects_stays_down_until_healed(tmp_path: Path) -> None:
    """Without an election the outage lasts as long as the fault, and the failover has nobody it led to."""
    run = play_run(tmp_path, config={"elections": "none"}, expect={"recovery_time": "<= 3s", "failovers": "0"})
    recovery = run.expectation("recovery_time")
    assert (run.exit_code, recovery.verdict) == (1, FAIL)
    assert recovery.measured == pytest.approx(6.0, abs=0.05)
    assert [(one.to, one.phases["agreed"] is not None) for one in run.trial.failovers] == [(None, True)]


def test_still_down_at_the_end_fails(tmp_path: Path) -> None:
    """A shard that never serves again fails any upper bound, however generous, and the reason says so."""
    config = {"elections": "none", "start-again": "no"}
    run = play_run(tmp_path, config=config, expect={"recovery_time": "<= 1h"})
    recovery = run.expectation("recovery_time")
    assert (recovery.verdict, recovery.reason) == (FAIL, "shard 2 still down at the end")


def test_an_ignored_kill_is_inconclusive(tmp_path: Path) -> None:
    """A fault that did not happen makes checks of time inconclusive, and the run ends with 4."""
    run = play_run(tmp_path, config={"ignore-kill": "yes"}, expect={"recovery_time": "<= 3s"})
    assert (run.exit_code, run.result.verdict) == (4, INCONCLUSIVE)
    assert run.trial.injections[0].effect == "mismatch"
    assert run.expectation("recovery_time").verdict == INCONCLUSIVE


def test_a_data_check_fails_even_when_the_fault_did_not_happen(tmp_path: Path) -> None:
    """Writes that are lost while a fault did not act as it should still fail the run."""
    run = play_run(tmp_path, config={"ignore-kill": "yes", "lose-writes": "10"}, expect={"lost_writes": "0"})
    assert run.exit_code == 1


def test_a_target_that_resolves_to_nothing_is_inconclusive(tmp_path: Path) -> None:
    """Where nobody can say who is master, a fault on a master is not made, and the run says why."""
    late = {"name": "death", "at": "4s", "kill": "master of shard 2"}
    run = play_run(tmp_path, faults=[PAUSE_ALL, late], expect={"lost_writes": "0"})
    assert run.exit_code == 4
    assert "the target 'master of shard 2' resolves to nothing" in run.result.reason
    assert [one.name for one in run.trial.injections] == ["all"]


def test_a_fault_that_cannot_be_made_is_inconclusive(tmp_path: Path) -> None:
    """Killing a node that is dead already fails, is reported, and makes the run inconclusive."""
    again = {"name": "again", "at": "3s", "kill": "node toy-5"}
    run = play_run(tmp_path, faults=[{**KILL, "kill": "node toy-5"}, again])
    assert run.exit_code == 4
    assert "kill toy-5: it does not run" in run.named("injection_failed")[0].data["error"]


def test_an_undo_that_fails_ends_with_5(tmp_path: Path) -> None:
    """A node that will not start again is named with what a person can do, and everything is torn down all the same."""
    run = play_run(tmp_path, config={"start-again": "no"})
    assert run.exit_code == 5
    [failure] = run.outcome.undo_failures
    assert "'death'" in failure
    assert "told not to start again" in failure
    assert "by hand: start toy-2" in failure
    assert list(steps(run.ledger))[-1] == ("death", "undo failed")
    assert left_in_the_world() == []


def test_no_steady_state_no_faults(tmp_path: Path) -> None:
    """A store that keeps refusing writes never becomes steady: inconclusive, and nothing is injected."""
    run = play_run(tmp_path, config={"refuse-writes": "7"}, expect={"lost_writes": "0"})
    assert (run.exit_code, run.result.trials) == (4, ())
    assert "the steady state never came" in run.result.reason
    assert run.ledger == []
    assert left_in_the_world() == []


def test_a_load_that_dies_ends_the_run(tmp_path: Path) -> None:
    """A load that cannot go on while a fault is in force ends the run with 5; the fault is undone first."""
    run = play_run(tmp_path, config={"garble-reads": "70"}, faults=[{**KILL, "at": "100ms"}])
    assert (run.exit_code, run.outcome.interrupted, run.outcome.result) == (5, False, None)
    assert "which nobody wrote" in str(run.outcome.error)
    assert list(steps(run.ledger)) == [("death", "intended"), ("death", "injected"), ("death", "reverted")]
    assert left_in_the_world() == []


def test_overlapping_injections(tmp_path: Path) -> None:
    """Injections that overlap each have their own life, and each failover is put down to its own."""
    faults = [
        KILL,
        {"name": "freeze", "at": "3s", "for": "6s", "pause": "master of shard 1"},
        {"name": "cut", "at": "4s", "for": "2s", "disconnect": "replica of shard 3"},
    ]
    run = play_run(tmp_path, faults=faults, cluster={"system": "toy", "shards": 5}, expect={"failovers": "2"})
    assert run.exit_code == 0
    assert sorted((one.injection or "", one.shard) for one in run.trial.failovers) == [
        ("death", "redis/2"),
        ("freeze", "redis/1"),
    ]
    held = {one.name: (one.reverted_at or 0) - (one.effective_at or 0) for one in run.trial.injections}
    assert held == pytest.approx({"death": 6, "freeze": 6, "cut": 2}, abs=0.02)


def test_a_fault_is_cut_at_the_end(tmp_path: Path) -> None:
    """A `for` that goes past the end of the trial is undone at the end, as a fault without `for` is."""
    faults = [{**KILL, "at": "9s", "for": "1h"}, {"name": "freeze", "at": "10s", "pause": "replica of shard 1"}]
    run = play_run(tmp_path, faults=faults)
    assert {one.name: one.reverted_at for one in run.trial.injections} == pytest.approx(
        {"death": 12.0, "freeze": 12.0}, abs=0.02
    )


def test_a_placebo_breaks_nothing(tmp_path: Path) -> None:
    """With --no-faults nothing is injected, nothing is expected, and nothing is unavailable."""
    run = play_run(tmp_path, asked={"no_faults": True}, expect={"failovers": "1"})
    assert (run.exit_code, run.trial.injections, run.ledger) == (0, (), [])
    assert {one.writes for one in run.trial.unavailable_seconds.values()} == {0.0}


def test_a_run_that_takes_too_long_is_stopped(tmp_path: Path) -> None:
    """With --max-duration a run is healed and torn down when its time is over, and cannot tell."""
    run = play_run(tmp_path, asked={"max_duration": 7.0})
    assert run.exit_code == 4
    assert "--max-duration" in run.result.reason
    assert list(steps(run.ledger))[-1] == ("death", "reverted")
    assert left_in_the_world() == []


def test_the_journal_counts_without_a_gap(tmp_path: Path) -> None:
    """The events in the journal are numbered from 1, none is missing, and each bears what the sinks were given."""
    heard = Heard()
    run = play_run(tmp_path, heard)
    assert [event.seq for event in run.events] == list(range(1, len(run.events) + 1))
    assert [event.event for event in run.events] == [event.event for event in heard.events]


def test_the_ledger_is_on_disk_before_the_fault_acts(tmp_path: Path) -> None:
    """When an injection is announced, which is before it is made, the ledger says on disk how to undo it."""
    entries: list[dict[str, object]] = []

    class Look(Heard):
        def receive(self, event: Event) -> None:
            if event.event == "injection_issued":
                [ledger] = (tmp_path / "reports").glob("2*/ledger.jsonl")
                entries.extend(json.loads(line) for line in ledger.read_text(encoding="utf-8").splitlines())

    play_run(tmp_path, Look())
    [entry] = entries
    assert (entry["injection"], entry["step"], entry["nodes"]) == ("death", "intended", ["toy-2"])
    assert entry["by_hand"] == ["start toy-2"]


def test_without_a_load(tmp_path: Path) -> None:
    """A scenario without a load is judged by the canaries alone."""
    run = play_run(tmp_path, load=None, expect={"failovers": "1", "recovery_time": "<= 2s"})
    assert (run.exit_code, run.trial.load) == (0, {})


def test_an_old_run_is_judged_again(tmp_path: Path) -> None:
    """From its directory alone a run is judged as it was, but for what judging and reporting took."""
    run = play_run(tmp_path, config={"lose-writes": "20"}, expect={"lost_writes": "0", "failovers": "1"})
    scenario = document(tmp_path).scenario
    assert _lasting(judge_run(run.directory, make_system(scenario))) == _lasting(run.result)


def _lasting(result: RunResult) -> dict[str, object]:
    return result.model_dump(exclude={"duration_seconds", "phase_seconds", "overhead_seconds", "teardown_seconds"})


def test_the_seed_reproduces_the_schedule(tmp_path: Path) -> None:
    """Two runs with one seed hit the same nodes and make the same operations."""
    any_replica = [{"name": "death", "at": "1s", "for": "1s", "kill": "any replica"}]
    runs = [play_run(tmp_path, faults=any_replica, asked={"seed": 11}) for _ in range(2)]
    assert runs[0].trial.injections[0].nodes == runs[1].trial.injections[0].nodes
    assert runs[0].trial.data == runs[1].trial.data


def test_every_report_is_kept(tmp_path: Path) -> None:
    """A run's directory holds its result, its reports, its metrics and what every node said."""
    run = play_run(tmp_path)
    names = {path.name for path in run.directory.path.rglob("*")}
    assert {"scenario.yml", "plan.json", "result.json", "report.md", "metrics.om", "toy-1.log", "toy-6.log"} <= names
    assert f"{LOAD['keys']}" in run.directory.plan.read_text(encoding="utf-8")


def test_options_name_the_driver(tmp_path: Path) -> None:
    """The driver asked for stands in the first event, with the reason."""
    run = play_run(tmp_path, asked={"driver": options(tmp_path).driver})
    [started] = run.named("run_started")
    assert (started.data["driver"], started.data["driver_reason"]) == ("memory", "asked for")
