"""The JSON Schema for editors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from chaos.cli.catalogue import build_catalogue
from chaos.scenario.catalogue import Catalogue
from chaos.scenario.schema import PATH, scenario_schema, schema_text

SHIPPED = sorted((Path(__file__).parents[2] / "scenarios").glob("*.yml"))


def valid(text: str, catalogue: Catalogue) -> bool:
    data: Any = YAML(typ="safe", pure=True).load(text)
    return bool(Draft202012Validator(scenario_schema(catalogue)).is_valid(data))


def test_the_committed_schema_is_the_generated_one() -> None:
    """The file that editors are pointed to is what the installed families generate (`chaos schema`)."""
    assert PATH.read_text(encoding="utf-8") == schema_text(build_catalogue())


def test_the_schema_is_itself_valid() -> None:
    """The schema is JSON Schema 2020-12."""
    Draft202012Validator.check_schema(scenario_schema(build_catalogue()))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_scenarios_are_valid_in_an_editor(path: Path) -> None:
    """An editor finds nothing wrong with a shipped scenario."""
    assert valid(path.read_text(encoding="utf-8"), build_catalogue())


@pytest.mark.parametrize(
    "fault",
    [
        "kill: master of shard 3",
        "kill: {target: primary of shard 3, signal: TERM}",
        "kill: [any master, node redis-4]",
        "fault: kill, target: all replicas, disk: emptied",
    ],
)
def test_every_form_of_a_fault_is_valid(fault: str, catalogue: Catalogue) -> None:
    """Short and long forms are allowed, with targets and options."""
    assert valid(f"{{cluster: {{}}, faults: [{{at: 1s, {fault}}}]}}", catalogue)


@pytest.mark.parametrize(
    "bound",
    [
        "recovery_time: <= 9s", "recovery_time: 6s to 9s", "recovery_time: within prediction",
        "recovery_time: median <= 9s", "recovery_time: {during death: <= 9s, shard 2: within 1s}",
        "lost_writes: 0", "lost_writes: <= 1%", "failovers: at most 3", "error_rate: < 25%", "converged: yes",
        "latency_p99: {before: <= 5ms}", "availability: at least 99.9%",
    ],
)  # fmt: skip
def test_every_form_of_a_bound_is_valid(bound: str, catalogue: Catalogue) -> None:
    """Bounds in every form, and scoped ones, are allowed."""
    assert valid(f"cluster: {{}}\nexpect:\n  {bound}\n", catalogue)


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "{cluster: {shardz: 3}}",
        "{cluster: {}, duration: 10}",
        "{cluster: {}, trials: 3}",
        "{cluster: {password: hunter2}}",
        "{cluster: {}, load: {rate: 2000}}",
        "{cluster: {}, faults: [{at: 1s}]}",
        "{cluster: {}, faults: [{kill: any master}]}",
        "{cluster: {}, faults: [{at: 1s, kill: {target: any master, sig: TERM}}]}",
        "{cluster: {}, faults: [{at: 1s, kill: minority}]}",
        "{cluster: {}, expect: {recovery_time: 5}}",
        "{cluster: {}, expect: {failovers: {during death: 1}}}",
        "{cluster: {}, expect: {failoverz: 1}}",
    ],
)
def test_an_editor_marks_what_the_reader_refuses(text: str, catalogue: Catalogue) -> None:
    """Unknown keys, missing parts, bare numbers and unknown forms are marked."""
    assert not valid(text, catalogue)


def test_options_are_described_by_their_own_sentences() -> None:
    """What an editor shows for an option is the docstring that stands below its field."""
    entry = scenario_schema(build_catalogue())["properties"]["faults"]["items"]
    assert "signal" in entry["properties"]["signal"]["description"].lower()
