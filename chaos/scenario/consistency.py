"""Contradictions between the parts of a scenario, each of which can be read on its own."""

from __future__ import annotations

from collections.abc import Sequence

from chaos.errors import nearest
from chaos.model.view import REPLICA
from chaos.scenario.catalogue import Catalogue
from chaos.scenario.drafts import ClusterDraft, ExpectDraft, FaultDraft, LoadDraft, PlacedTarget
from chaos.scenario.expect_reader import SCOPES
from chaos.scenario.language import ClusterSpec, Scenario
from chaos.scenario.quantities import format_duration
from chaos.scenario.reading import Reading, Section


def check(
    reading: Reading,
    section: Section,
    cluster: ClusterDraft,
    load: LoadDraft | None,
    faults: Sequence[FaultDraft],
    expectations: Sequence[ExpectDraft],
    catalogue: Catalogue,
) -> None:
    """Notes every contradiction that is certain; says nothing of parts that could not be read."""
    _names_once(reading, faults)
    if "duration" not in section.broken:
        _due_in_time(reading, faults, section.values.get("duration", Scenario.model_fields["duration"].default))
    if cluster.spec:
        for fault in faults:
            for placed in fault.target_parts:
                _target_exists(reading, placed, cluster.spec, catalogue)
    for expectation in expectations:
        _scope_exists(reading, expectation, cluster.spec, load, faults)
        if load is None and "load" not in section.broken and catalogue.checks[expectation.entry.check].needs_load:
            name = expectation.entry.check
            reading.note(expectation.scope_mark, f"'{name}' needs a load, and there is none", "add `load:`")


def _names_once(reading: Reading, faults: Sequence[FaultDraft]) -> None:
    first: dict[str, FaultDraft] = {}
    for fault in faults:
        if fault.name is None:
            continue
        if fault.name in first:
            line = (first[fault.name].name_mark or fault.mark).line
            reading.note(
                fault.name_mark or fault.mark,
                f"two injections are called '{fault.name}'",
                f"the first is in line {line}; give each a `name` of its own",
            )
        first.setdefault(fault.name, fault)


def _due_in_time(reading: Reading, faults: Sequence[FaultDraft], duration: float) -> None:
    for fault in faults:
        if fault.at is not None and fault.at >= duration:
            at, end = format_duration(fault.at), format_duration(duration)
            wrong = f"at {at} the trial is over: its duration is {end}"
            reading.note(fault.at_mark or fault.mark, wrong, "a smaller `at`, or a longer `duration`")


def _target_exists(reading: Reading, placed: PlacedTarget, spec: ClusterSpec, catalogue: Catalogue) -> None:
    target = placed.target
    if target.shard is not None and target.shard > spec.shards:
        reading.note(placed.mark, f"there is no shard {target.shard}", f"the cluster has {spec.shards}")
    elif target.role == REPLICA and spec.replicas == 0:
        reading.note(placed.mark, f"'{target}' will be nothing: the cluster has no replicas", "add `replicas: 1`")
    elif target.node is not None:
        names = catalogue.systems[spec.system].node_names(spec)
        if target.node not in names:
            right = f"there are: {names[0]} … {names[-1]}" if names else ""
            reading.note(placed.mark, f"there is no node '{target.node}'", right)


def _scope_exists(
    reading: Reading,
    expectation: ExpectDraft,
    spec: ClusterSpec | None,
    load: LoadDraft | None,
    faults: Sequence[FaultDraft],
) -> None:
    scope, mark = expectation.entry.scope, expectation.scope_mark
    if scope.kind in ("during", "after"):
        names = [fault.name for fault in faults if fault.name]
        if scope.name not in names and len(names) == len(faults):
            reading.note(mark, f"'{scope}' names no injection", nearest(scope.name or "", names))
    elif scope.kind == "shard" and spec and not 1 <= int(scope.name or 0) <= spec.shards:
        reading.note(mark, f"there is no {scope}", f"the cluster has {spec.shards}")
    elif scope.kind == "load" and load and load.spec and scope.name != load.spec.name:
        known = [*(name for name in SCOPES if name != "LOAD"), load.spec.name]
        reading.note(mark, f"'{scope.name}' is neither a scope nor a load", nearest(scope.name or "", known))
