"""The reader: a scenario file into a validated Scenario, or every mistake in it at once.

The order of the file below is the order of a scenario: document, cluster, load, faults, expectations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chaos.errors import Mistake, ScenarioError
from chaos.scenario import consistency
from chaos.scenario.catalogue import Catalogue
from chaos.scenario.cluster_reader import read_cluster
from chaos.scenario.document import Fields, Items, Node, parse
from chaos.scenario.drafts import LoadDraft
from chaos.scenario.expect_reader import read_expectations
from chaos.scenario.fault_reader import read_faults
from chaos.scenario.forms import NAME
from chaos.scenario.language import ClusterSpec, LoadSpec, Scenario
from chaos.scenario.overrides import apply_overrides
from chaos.scenario.reading import Reading, Section
from chaos.scenario.render import render
from chaos.scenario.vocabulary import LOAD, SCENARIO


@dataclass(frozen=True, slots=True)
class ScenarioDocument:
    """A scenario with its text as given after overrides."""

    scenario: Scenario
    text: str


def read_scenario(path: Path | str, catalogue: Catalogue, overrides: Sequence[str] = ()) -> Scenario:
    """The scenario in a file, after `--set` overrides (`a.b.c=VALUE`); raises ScenarioError or UsageError."""
    return read_document(path, catalogue, overrides).scenario


def read_document(path: Path | str, catalogue: Catalogue, overrides: Sequence[str] = ()) -> ScenarioDocument:
    """The same, with the text a run directory keeps; raises ScenarioError (all mistakes) or UsageError."""
    source = read_source(path)
    tree = apply_overrides(parse(source, str(path)), overrides, catalogue)
    scenario = interpret(tree, catalogue, default_name=Path(path).name.split(".")[0])
    return ScenarioDocument(scenario, render(source, tree, overrides))


def read_source(path: Path | str) -> str:
    """The file's text; raises ScenarioError if it cannot be read as UTF-8."""
    try:
        return Path(path).read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = error.object[: error.start]
        line, column = before.count(b"\n") + 1, len(before) - (before.rfind(b"\n") + 1) + 1
        mistake = Mistake(str(path), line, column, "this byte is not UTF-8", "save the file as UTF-8")
    except (OSError, ValueError) as error:  # ValueError: a path with a zero byte
        reason = getattr(error, "strerror", None) or str(error)
        mistake = Mistake(str(path), 1, 1, f"the file cannot be read: {reason}", "check the path")
    raise ScenarioError([mistake])


def interpret(tree: Node, catalogue: Catalogue, default_name: str = "scenario") -> Scenario:
    """The scenario that a document's tree says; raises ScenarioError with every mistake."""
    _refuse_other_tools(tree)
    reading = Reading()
    section = reading.section(tree, SCENARIO, tree.mark)
    cluster = read_cluster(reading, section.nodes.get("cluster"), section.at("cluster"), catalogue)
    load = _read_load(reading, section)
    faults = read_faults(reading, section.nodes.get("faults"), catalogue)
    expectations = read_expectations(reading, section.nodes.get("expect"), catalogue)
    consistency.check(reading, section, cluster, load, faults, expectations, catalogue)
    name = _name(reading, section, default_name)
    if reading.mistakes:
        raise ScenarioError(reading.mistakes)
    values: dict[str, Any] = section.fill(SCENARIO) | {
        "name": name,
        "cluster": cluster.spec or ClusterSpec(),
        "load": load.spec if load else None,
        "faults": tuple(fault.entry() for fault in faults),
        "expect": tuple(expectation.entry for expectation in expectations),
    }
    return Scenario.model_validate(values)


def _refuse_other_tools(tree: Node) -> None:
    """A Chaos Toolkit experiment is a scenario of another tool: one clear error instead of many."""
    if not isinstance(tree, Fields):
        return
    for entry in tree.entries:
        if entry.key.text in ("method", "steady-state-hypothesis"):
            wrong = f"'{entry.key.text}' belongs to a Chaos Toolkit experiment, and this is no such tool"
            raise ScenarioError([entry.key.mark.mistake(wrong, "write a scenario: cluster, load, faults, expect")])


def _name(reading: Reading, section: Section, default: str) -> str:
    """The scenario's name; a file name that is none asks for a `name`."""
    if "name" in section.values or "name" in section.broken:
        return str(section.values.get("name", default))
    try:
        return str(NAME.read(default))
    except ValueError:
        reading.note(section.mark, "'name' is missing, and the file's name cannot stand for it", "add `name:`")
        return default


def _read_load(reading: Reading, section: Section) -> LoadDraft | None:
    node = section.nodes.get("load")
    if node is None:
        return None
    if isinstance(node, Items):
        reading.note(node.mark, "a list of loads is not yet available", "write one mapping")
        return LoadDraft(node.mark, None)
    load = reading.section(node, LOAD, node.mark)
    return LoadDraft(node.mark, None if "name" in load.broken else LoadSpec.model_validate(load.fill(LOAD)))
