"""The document: what every readable report says, in order, before it becomes Markdown or a terminal page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from chaos.analysis.wording import count, listing, measured, milliseconds, seconds
from chaos.model.result import PHASES, FailoverResult, RunResult, TrialResult

VIEWPOINTS = {"serving": "strict client", "client_recovered": "ordinary client"}
"""Who sees a phase; all others are the servers' own."""
COLUMNS = ("servers", "strict client", "ordinary client")


@dataclass(frozen=True, slots=True)
class Table:
    """Headers and rows of plain text."""

    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Section:
    """A title, sentences, and at most one table; `detail` is left out where there is little room."""

    title: str
    lines: tuple[str, ...] = ()
    table: Table | None = None
    detail: bool = False
    code: str = ""
    """A command to be shown as it is."""


@dataclass(frozen=True, slots=True)
class Document:
    """A whole report: the verdict and its reason first."""

    title: str
    verdict: str
    sentence: str
    sections: tuple[Section, ...]


def document(result: RunResult) -> Document:
    """Everything a report says of a result; sections with nothing to say are left out."""
    trials = list(enumerate(result.trials, start=1))
    sections = [_what_ran(result), _expectations(result)]
    for number, trial in trials:
        name = f" (trial {number})" if len(trials) > 1 else ""
        sections += [_injections(trial, name), *_failovers(trial, name), _blast_radius(trial, name)]
        sections += [_load(trial, name), _errors(trial, name), _data(trial, name), _still_wrong(trial, name)]
    sections += [_summary(result), _settings(result), _how_measured(result), _cost(result), _reproduce(result)]
    kept = tuple(section for section in sections if section.lines or section.table or section.code)
    return Document(result.scenario, result.verdict, result.reason, kept)


def _what_ran(result: RunResult) -> Section:
    servers = [f"{name}: {service.system} on {service.server.sentence}" for name, service in result.services.items()]
    told = [" ".join(result.description.split())] if result.description else []
    where = f"driver {result.driver} ({result.engine})"
    run = f"run {result.run_id}, {where}, seed {result.seed}, {seconds(result.duration_seconds)}"
    return Section("What ran", (*told, run, *servers))


def _expectations(result: RunResult) -> Section:
    rows = tuple(
        (
            one.check if one.scope == "trial" else f"{one.check}, {one.scope}",
            one.bound,
            measured(one.measured, one.unit),
            measured(one.margin, one.unit),
            one.verdict,
            one.reason,
        )
        for one in result.expectations
    )
    table = Table(("expectation", "limit", "measured", "margin", "verdict", "because"), rows)
    return Section("Expectations", table=table if rows else None)


def _injections(trial: TrialResult, name: str) -> Section:
    rows = tuple(
        (
            one.name,
            f"{one.fault} {one.target}",
            ", ".join(one.nodes),
            _plus_minus(one.effective_at, one.effective_uncertainty_seconds),
            seconds(one.reverted_at),
            one.effect,
        )
        for one in trial.injections
    )
    table = Table(("injection", "fault", "nodes", "effective at", "reverted at", "effect"), rows)
    return Section(f"Faults{name}", table=table if rows else None)


def _failovers(trial: TrialResult, name: str) -> Iterator[Section]:
    for one in trial.failovers:
        title = f"Failover of {one.shard}: {one.from_ or 'nobody'} → {one.to or 'nobody'}{name}"
        rows = tuple(_phase_row(one, phase) for phase in PHASES)
        table = Table(("phase, since the fault", *COLUMNS, "±", "source"), rows)
        yield Section(title, tuple(_prediction_lines(one)), table)


def _phase_row(one: FailoverResult, phase: str) -> tuple[str, ...]:
    value, bound = one.phases.get(phase), one.at_least.get(phase)
    text = seconds(value) if value is not None else f"not within {seconds(bound)}" if bound is not None else "–"
    seen_by = VIEWPOINTS.get(phase, "servers")
    cells = [text if column == seen_by else "" for column in COLUMNS]
    uncertainty = one.uncertainty_seconds.get(phase)
    return phase.replace("_", " "), *cells, milliseconds_of(uncertainty), one.sources.get(phase, "")


def _prediction_lines(one: FailoverResult) -> Iterator[str]:
    if one.predicted:
        low, high = seconds(one.predicted.low), seconds(one.predicted.high)
        side = {True: "inside", False: "outside", None: "not comparable"}[one.inside_prediction]
        yield f"serving: predicted {low} … {high}, measured {seconds(one.phases.get('serving'))}: {side}"
    if one.explanation:
        yield one.explanation
    yield from (f"sources disagree: {text}" for text in one.disagreements)


def _blast_radius(trial: TrialResult, name: str) -> Section:
    failed_over = {one.shard for one in trial.failovers}
    rows = tuple(
        (
            shard,
            "hit" if one.hit else "not hit",
            "failed over" if shard in failed_over else "",
            seconds(one.writes),
            seconds(one.longest),
            ", ".join(f"{error} {number:,}" for error, number in one.errors.items()),
        )
        for shard, one in trial.unavailable_seconds.items()
    )
    headers = ("shard", "by a fault", "and", "without writes", "longest", "the canary's errors")
    return Section(f"Blast radius{name}", table=Table(headers, rows) if rows else None)


def _load(trial: TrialResult, name: str) -> Section:
    rows = tuple(
        (
            load,
            count(one.operations),
            count(one.ok),
            count(one.failed),
            count(one.unknown),
            count(one.not_sent),
            f"{count(one.throughput_per_second)}/s",
            milliseconds(one.latency_ms.p50),
            milliseconds(one.latency_ms.p99),
            milliseconds(one.latency_ms.max),
            milliseconds(one.latency_ms_uncorrected.p99),
        )
        for load, one in trial.load.items()
    )
    headers = (
        "load",
        "intended",
        "ok",
        "failed",
        "unknown",
        "not sent",
        "rate",
        "p50",
        "p99",
        "max",
        "p99 uncorrected",
    )
    lines = tuple(f"{load}: {one.schedule}; {one.client}" for load, one in trial.load.items())
    return Section(f"Load{name}", lines, Table(headers, rows) if rows else None)


def _errors(trial: TrialResult, name: str) -> Section:
    classes = list(dict.fromkeys(error for one in trial.load.values() for error in one.errors))
    rows = tuple((error, *(count(one.errors.get(error, 0)) for one in trial.load.values())) for error in classes)
    return Section(f"Errors by class{name}", table=Table(("class", *trial.load), rows) if rows else None, detail=True)


def _data(trial: TrialResult, name: str) -> Section:
    data = trial.data
    if data.lost is None:
        return Section(f"Data{name}", ("no acknowledged write was checked",))
    share = f" ({data.lost / data.checkable:.3%} of those whose loss would be seen)" if data.checkable else ""
    lines = [
        f"{count(data.acknowledged)} writes acknowledged, {count(data.checkable)} of them checkable, "
        f"{count(data.lost)} lost{share}, {count(data.unknown)} unknown, {count(data.resurrected)} resurrected",
        f"{count(data.keys_read)} keys read at the end; "
        f"{count(data.keys_unread)} with an acknowledged write could not be read",
    ]
    if data.lost_window:
        first, last = data.lost_window
        lines.append(f"the lost ones were acknowledged {first:+.3f} s … {last:+.3f} s from the fault")
    lines += [f"lost in {shard}: {count(number)}" for shard, number in data.lost_by_shard.items()]
    return Section(f"Data{name}", (*lines, *data.examples))


def _still_wrong(trial: TrialResult, name: str) -> Section:
    lines = [*trial.issues, *([f"at the end: {listing(trial.not_converged, most=8)}"] if trial.not_converged else [])]
    return Section(f"Not as it should be{name}", tuple(lines))


def _summary(result: RunResult) -> Section:
    if len(result.trials) < 2:
        return Section("Over the trials")
    rows = tuple(
        (
            name.replace("_", " "),
            *(f"{value:.3f}" if value is not None else "–" for value in (one.low, one.median, one.high, one.p95)),
            count(one.n),
        )
        for name, one in result.summary.items()
    )
    return Section("Over the trials", table=Table(("measure", "least", "median", "greatest", "p95", "n"), rows))


def _settings(result: RunResult) -> Section:
    rows = tuple((one.name, one.value, one.origin, one.reason) for one in result.settings)
    table = Table(("setting", "value", "set", "because"), rows) if rows else None
    return Section("Settings the scenario did not write", table=table, detail=True)


def _how_measured(result: RunResult) -> Section:
    return Section("How it was measured", result.how_measured, detail=True)


def _cost(result: RunResult) -> Section:
    if not result.phase_seconds:
        return Section("What the run cost")
    parts = ", ".join(f"{phase.replace('_', ' ')} {seconds(value)}" for phase, value in result.phase_seconds.items())
    return Section("What the run cost", (f"{seconds(result.overhead_seconds)} beyond its own scenario ({parts})",))


def _reproduce(result: RunResult) -> Section:
    return Section("How to reproduce", code=result.reproduce)


def milliseconds_of(value_seconds: float | None) -> str:
    """A number of seconds, written in milliseconds."""
    return milliseconds(None if value_seconds is None else value_seconds * 1000)


def _plus_minus(value: float | None, uncertainty: float | None) -> str:
    if value is None:
        return "–"
    return f"{seconds(value)} ± {milliseconds_of(uncertainty)}"
