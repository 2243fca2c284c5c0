"""What every check owes: the same tests on each member of the family, with the evidence of real runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from chaos.analysis.facts import TrialFacts, facts_of
from chaos.analysis.scopes import look_at
from chaos.archive.evidence import read_evidence
from chaos.checks.check import CHECKS, Check
from chaos.scenario.bounds import Unit
from chaos.systems.toy import Toy
from tests.runner.toy_run import play_run

pytestmark = pytest.mark.parametrize("check", [kind() for kind in CHECKS.all().values()], ids=lambda one: one.name)

NAMES = {"during": "death", "after": "death", "shard": "2", "load": "load"}
"""A name for each kind of scope that takes one."""


def facts_from(folder: Path) -> TrialFacts:
    """The facts of one trial with a failover."""
    evidence = read_evidence(play_run(folder).directory, Toy().read_log)
    return facts_of(evidence, evidence.trials[0], None)


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> TrialFacts:
    return facts_from(tmp_path_factory.mktemp("full"))


@pytest.fixture(scope="module")
def empty(full: TrialFacts) -> TrialFacts:
    """The facts of a trial in which nobody recorded anything."""
    trial = full.trial
    nothing = replace(
        trial,
        injections=(),
        view_changes=(),
        log_events=(),
        sightings=(),
        operations=trial.operations[:0],
        beats=trial.beats[:0],
        final_reads=trial.final_reads[:0],
    )
    evidence = replace(full.evidence, trials=(nothing,))
    return facts_of(evidence, nothing, None)


def units(check: Check) -> tuple[Unit, ...]:
    return (check.unit, *check.other_units)


def test_a_full_trial_is_measured(check: Check, full: TrialFacts) -> None:
    """With a load, a failover and everything recorded there is a value, in every unit."""
    for unit in units(check):
        found = check.measure(full, look_at(full, "trial", None), unit)
        assert found.value is not None, found.reason
        assert found.value >= 0


def test_every_scope_it_names_is_measured(check: Check, full: TrialFacts) -> None:
    """In each scope in which it means something, it gives a value or says why there is none."""
    for scope in check.scopes:
        found = check.measure(full, look_at(full, scope, NAMES.get(scope)), check.unit)
        assert found.value is not None or found.reason


def test_no_samples_are_no_value(check: Check, empty: TrialFacts) -> None:
    """Where nobody recorded anything, nothing is measured, and the reason is given."""
    for unit in units(check):
        found = check.measure(empty, look_at(empty, "trial", None), unit)
        assert found.value is None
        assert found.reason


def test_it_says_what_it_measures(check: Check) -> None:
    """A check has a sentence for the lists."""
    assert check.sentence
