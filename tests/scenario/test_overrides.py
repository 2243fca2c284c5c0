"""Overrides: `--set a.b.c=VALUE`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from chaos.errors import UsageError
from chaos.scenario.catalogue import Catalogue
from chaos.scenario.language import Scenario
from chaos.scenario.reader import read_document

Read = Callable[..., Scenario]

TEXT = """\
# What should hold.
name: base
cluster:
  config: {save: ["900 1", "300 10"], appendonly: yes}
load: {rate: 2000/s}
faults:
  - {name: death, at: 10s, kill: {target: master of shard 1, signal: TERM}}
  - {name: freeze, at: 20s, pause: any master}
expect:
  recovery_time: <= 12s
"""


def test_a_value_is_replaced(read: Read) -> None:
    """An override replaces the value at its path."""
    load = read(TEXT, "load.rate=500/s").load
    assert load is not None
    assert load.rate == 500.0


def test_a_missing_key_is_added(read: Read) -> None:
    """An override adds a key the file does not have, with the mappings above it."""
    scenario = read(TEXT, "cluster.network.first_host=20", "cluster.config.cluster-node-timeout=2000")
    assert scenario.cluster.network.first_host == 20
    assert scenario.cluster.config["cluster-node-timeout"] == ("2000",)


def test_later_overrides_win(read: Read) -> None:
    """Overrides are applied in the order given."""
    assert read(TEXT, "duration=40s", "duration=50s").duration == 50.0


def test_a_value_is_yaml(read: Read) -> None:
    """A list or mapping may stand behind the equals sign."""
    assert read(TEXT, "cluster.config.save=[1 1, 2 2, 3 3]").cluster.config["save"] == ("1 1", "2 2", "3 3")


def test_elements_of_a_list_are_counted_from_one(read: Read) -> None:
    """An element of a list is addressed by its number."""
    assert read(TEXT, "cluster.config.save.2=60 5").cluster.config["save"] == ("900 1", "60 5")


@pytest.mark.parametrize("address", ["death", "1"])
def test_a_fault_entry_is_addressed_by_name_or_number(read: Read, address: str) -> None:
    """The first entry is found by its name and by its number."""
    assert [fault.at for fault in read(TEXT, f"faults.{address}.at=12s").faults] == [12.0, 20.0]


def test_another_fault_takes_over_the_target(read: Read) -> None:
    """Setting `fault` in an entry of the short form keeps its target."""
    fault = read(TEXT, "faults.freeze.fault=disconnect").faults[1]
    assert (fault.fault, fault.target.text) == ("disconnect", "any master")


@pytest.mark.parametrize("path", ["faults.death.signal", "faults.death.kill.signal"])
def test_an_option_is_set_in_the_short_form_too(read: Read, path: str) -> None:
    """An option is reached beside the entry's keys and below the fault's name."""
    assert read(TEXT, f"{path}=KILL").faults[0].options["signal"] == "KILL"


def test_the_short_form_itself_can_be_set(read: Read) -> None:
    """Setting the fault's own key replaces target and options."""
    fault = read(TEXT, "faults.death.kill=any replica").faults[0]
    assert (fault.target.text, fault.options["signal"]) == ("any replica", "KILL")


def test_a_scope_beside_a_plain_bound_keeps_the_bound(read: Read) -> None:
    """Adding a scope to a check that has one bound keeps that bound for the whole trial."""
    scenario = read(TEXT, "expect.recovery_time.during death=<= 9s")
    assert [(str(e.scope), e.bound.text) for e in scenario.expect] == [("trial", "<= 12s"), ("during death", "<= 9s")]


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("cluster.shardz=3", "--set cluster.shardz: unknown key 'shardz' in the cluster; did you mean 'shards'?"),
        ("lod.rate=3/s", "--set lod.rate: unknown key 'lod' in the scenario; did you mean 'load'?"),
        (
            "faults.deth.at=3s",
            "--set faults.deth.at: there is no fault entry 'deth' in 'faults'; did you mean 'death'?",
        ),
        ("faults.3.at=3s", "--set faults.3.at: there is no fault entry '3' in 'faults'; known: death, freeze"),
        ("faults.death.signl=TERM", "did you mean 'signal'?"),
        ("cluster.config.save.3=1 1", "there is no element '3' in 'cluster.config.save'"),
        ("expect.recovry_time=<= 3s", "did you mean 'recovery_time'?"),
        ("load.rate.unit=s", "--set load.rate.unit: 'load.rate' is a single value and has no keys"),
        ("duration", "--set duration: write it like --set cluster.shards=5"),
        (".=3", "write it like"),
        ("duration=", "--set duration: there is no value behind the '='"),
    ],
)
def test_a_path_that_leads_nowhere_is_refused(read: Read, override: str, message: str) -> None:
    """A wrong path names the part that is wrong and the nearest that exists."""
    with pytest.raises(UsageError) as caught:
        read(TEXT, override)
    assert message in str(caught.value)


def test_a_mistake_in_a_value_is_located_at_its_override(mistakes: Callable[..., list[str]]) -> None:
    """A value that cannot be read is reported with the override it came from."""
    assert mistakes(TEXT, "duration=45") == ["--set duration:1:1: a duration needs a unit: '45'; 45s?"]


def test_a_secret_is_never_repeated(read: Read) -> None:
    """A password given literally is refused in words that do not contain it."""
    for override in ("cluster.password=hunter2", "cluster.passwrd=hunter2", "cluster.password=@hunter2"):
        with pytest.raises(UsageError) as caught:
            read(TEXT, override)
        assert "hunter2" not in str(caught.value)


def test_a_key_that_comes_later_is_still_refused(mistakes: Callable[..., list[str]]) -> None:
    """An override cannot bring in what is not yet available."""
    assert "'trials' is not yet available" in mistakes(TEXT, "trials=3")[0]


def test_without_overrides_the_text_is_the_source(tmp_path: Path, catalogue: Catalogue) -> None:
    """The text kept for a run is the file itself, comments included."""
    path = tmp_path / "base.yml"
    path.write_text(TEXT)
    assert read_document(path, catalogue).text == TEXT


def test_with_overrides_the_text_reads_as_the_overridden_scenario(tmp_path: Path, catalogue: Catalogue) -> None:
    """The text kept for a run, read again, is the scenario that ran; its first comment and the changes stand above."""
    path, kept = tmp_path / "base.yml", tmp_path / "kept.yml"
    path.write_text(TEXT)
    overrides = ["faults.freeze.fault=kill", "duration=50s", 'cluster.config.save=["", "on"]', "description=7.10"]
    document = read_document(path, catalogue, overrides)
    kept.write_text(document.text)
    assert read_document(kept, catalogue).scenario == document.scenario
    assert document.text.startswith("# What should hold.\n# --set faults.freeze.fault=kill\n")
