"""The result of a run, made from its evidence, its facts and its judged expectations."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from chaos.analysis.availability import ShardAvailability
from chaos.analysis.effective import Effect
from chaos.analysis.facts import TrialFacts
from chaos.analysis.instants import FLOORS_SECONDS
from chaos.analysis.loads import load_results
from chaos.analysis.phases import Failover
from chaos.analysis.prediction import noise, place
from chaos.analysis.statistics import summarise
from chaos.analysis.wording import listing, measured, milliseconds, seconds
from chaos.model.evidence import Evidence
from chaos.model.plan import RunPlan
from chaos.model.result import (
    PHASES,
    DataResult,
    Expectation,
    FailoverResult,
    InjectionResult,
    Measure,
    RunResult,
    ServiceResult,
    TrialResult,
    Unavailability,
)
from chaos.model.verdict import FAIL, INCONCLUSIVE, PASS, worst

SERVICE = "redis"
"""`cluster: X` in a scenario is short for `services: {redis: X}`."""
OWN_PHASES = ("warmup", "timeline")
"""What a scenario asks for itself; all other phases of a run are the harness's overhead."""


def result_of(evidence: Evidence, trials: Sequence[TrialFacts], expectations: tuple[Expectation, ...]) -> RunResult:
    """The whole result; `trials` are the facts of the evidence's own trials, in order."""
    plan, phases = evidence.plan, dict(evidence.phase_seconds)
    verdict, reason = verdict_of(evidence, trials, expectations)
    results = tuple(_trial(facts) for facts in trials)
    server = plan.server.model_copy(update={"version": evidence.server_version})
    return RunResult(
        tool_version=evidence.tool_version,
        run_id=plan.run_id,
        scenario=plan.scenario,
        description=str(evidence.scenario.get("description", "")),
        driver=plan.driver,
        engine=plan.engine,
        services={
            SERVICE: ServiceResult(
                system=plan.system, server_version=evidence.server_version, image_id=plan.server.id, server=server
            )
        },
        seed=plan.seed,
        started_at=evidence.started_at,
        duration_seconds=evidence.duration_seconds,
        verdict=verdict,
        reason=reason,
        build_seconds=phases.get("build"),
        teardown_seconds=phases.get("teardown"),
        phase_seconds=phases,
        overhead_seconds=sum(value for phase, value in phases.items() if phase not in OWN_PHASES) if phases else None,
        host=_worst_host(evidence),
        settings=tuple(setting for setting in plan.settings if setting.origin != "scenario"),
        how_measured=_how_measured(evidence, trials),
        reproduce=_reproduce(plan),
        trials=results,
        summary=_summary(trials, results),
        expectations=expectations,
    )


def _reproduce(plan: RunPlan) -> str:
    return f"chaos run {shlex.quote(f'reports/{plan.run_id}/scenario.yml')} --driver {plan.driver} --seed {plan.seed}"


def verdict_of(
    evidence: Evidence, trials: Sequence[TrialFacts], expectations: Sequence[Expectation]
) -> tuple[str, str]:
    """The run's verdict and one plain sentence why."""
    issues = [*evidence.issues, *(issue for facts in trials for issue in facts.trial.issues)]
    if not trials and not issues:
        issues = ["no trial reached t = 0"]
    verdict = worst([*(one.verdict for one in expectations), *([INCONCLUSIVE] if issues else [])])
    if verdict == FAIL:
        return verdict, listing([_sentence(one) for one in expectations if one.verdict == FAIL])
    if verdict == INCONCLUSIVE:
        doubts = [*issues, *(_sentence(one) for one in expectations if one.verdict == INCONCLUSIVE)]
        return verdict, listing(list(dict.fromkeys(doubts)))
    return PASS, _pass_sentence(trials, expectations)


def _sentence(one: Expectation) -> str:
    where = "" if one.scope == "trial" else f" ({one.scope})"
    because = f": {one.reason}" if one.reason else ""
    if one.measured is None:
        return f"{one.check}{where}{because or ': cannot be told'}"
    return f"{one.check}{where} is {measured(one.measured, one.unit)}, expected {one.bound}{because}"


def _pass_sentence(trials: Sequence[TrialFacts], expectations: Sequence[Expectation]) -> str:
    stated = [one for one in expectations if one.measured is not None]
    held = (
        f"all {len(stated)} expectations hold" if stated else "nothing expected; every fault took effect and was healed"
    )
    served = [
        f"shard {one.shard} served again after {seconds(one.seconds('serving'))}"
        for facts in trials
        for one in facts.failovers
        if one.seconds("serving") is not None
    ]
    return f"{held}; {listing(served, most=2)}" if served else held


def _trial(facts: TrialFacts) -> TrialResult:
    trial, evidence = facts.trial, facts.evidence
    return TrialResult(
        seed=trial.seed,
        duration_seconds=trial.t_end - trial.t0,
        injections=tuple(_injection(effect, trial.t0) for effect in facts.effects),
        failovers=tuple(_failover(one, facts) for one in facts.failovers),
        unavailable_seconds={f"{SERVICE}/{shard}": _gone(one, facts) for shard, one in facts.availability.items()},
        load=load_results(trial, trial.t_end, evidence.clients, evidence.scenario.get("load")),
        data=_data(facts),
        converged_seconds=facts.settled_seconds(facts.converged),
        redundant_seconds=facts.settled_seconds(facts.redundant),
        not_converged=(*facts.not_converged, *facts.not_redundant),
        host=dict(trial.host),
        issues=trial.issues,
    )


def _injection(effect: Effect, t0: float) -> InjectionResult:
    injection, effective = effect.injection, effect.effective
    return InjectionResult(
        name=injection.name,
        fault=injection.fault,
        mechanism=injection.mechanism,
        target=injection.target,
        nodes=injection.nodes,
        planned_at=injection.planned_at - t0,
        issued_at=injection.issued_at - t0,
        effective_at=effective.value - t0 if effective else None,
        effective_uncertainty_seconds=effective.uncertainty if effective else None,
        effective_source=effective.source if effective else None,
        reverted_at=injection.reverted_at - t0 if injection.reverted_at is not None else None,
        effect=injection.effect,
        detail=listing([text for text in (injection.effect_detail, *effect.disagreements) if text]),
    )


def _failover(one: Failover, facts: TrialFacts) -> FailoverResult:
    predicted = facts.prediction if one.effect and one.new else None
    placed = place(one.seconds("serving"), one.uncertainty("serving"), predicted, one.log, facts.trial.host)
    explanation = placed.explanation if one.effect else "no injection hit this shard: a failover nothing explains"
    return FailoverResult(
        injection=one.effect.injection.name if one.effect else None,
        shard=f"{SERVICE}/{one.shard}",
        from_=one.old,
        to=one.new,
        phases={phase: one.seconds(phase) for phase in PHASES},
        uncertainty_seconds={phase: one.uncertainty(phase) for phase in PHASES},
        sources={phase: instant.source for phase, instant in one.phases.items() if instant},
        at_least=one.at_least,
        predicted=predicted,
        inside_prediction=placed.inside,
        disagreements=one.disagreements,
        explanation=explanation,
    )


def _gone(one: ShardAvailability, facts: TrialFacts) -> Unavailability:
    t0 = facts.trial.t0
    lengths = one.lengths([(t0, facts.trial.t_end)])
    return Unavailability(
        writes=sum(lengths),
        longest=max(lengths, default=0.0),
        hit=one.shard in facts.hit_shards,
        intervals=tuple((begin - t0, end - t0) for begin, end in one.intervals),
        errors=one.errors,
    )


def _data(facts: TrialFacts) -> DataResult:
    found = facts.durability
    if found is None:
        return DataResult(acknowledged=0, checkable=None, lost=None, unknown=0)
    effective = [effect.effective.value for effect in facts.effects if effect.effective]
    return DataResult(
        acknowledged=found.acknowledged,
        checkable=found.checkable,
        lost=found.lost,
        lost_window=found.lost_window(min(effective, default=facts.trial.t0)),
        unknown=found.unknown,
        resurrected=found.resurrected,
        lost_by_shard={f"{SERVICE}/{shard}": count for shard, count in found.lost_by_shard().items()},
        keys_read=found.keys_read,
        keys_unread=found.keys_unread,
        examples=found.examples,
    )


def _summary(trials: Sequence[TrialFacts], results: Sequence[TrialResult]) -> dict[str, Measure]:
    """Each measure over the trials: the phases of their failovers, the longest outage, the lost writes."""
    summary = {
        phase: summarise([one.seconds(phase) for facts in trials for one in facts.failovers]) for phase in PHASES
    }
    longest = [
        max((one.longest for one in result.unavailable_seconds.values() if one.longest is not None), default=None)
        for result in results
    ]
    summary["recovery_time"] = summarise(longest)
    summary["lost_writes"] = summarise([result.data.lost for result in results])
    return {name: measure for name, measure in summary.items() if measure.n}


def _worst_host(evidence: Evidence) -> dict[str, float]:
    """The greatest value of each figure of the host over the trials."""
    figures = {name for trial in evidence.trials for name in trial.host}
    return {name: max(trial.host[name] for trial in evidence.trials if name in trial.host) for name in sorted(figures)}


def _how_measured(evidence: Evidence, trials: Sequence[TrialFacts]) -> tuple[str, ...]:
    """How the figures came about, one plain sentence each."""
    lines = []
    for facts in trials[:1]:
        beaten = [one for one in facts.availability.values() if one.beats]
        if beaten:
            period, lateness = beaten[0].period_seconds, float(facts.trial.beats["lateness"].max())
            lines.append(
                f"strict canary: one write to every shard's master each {milliseconds(period * 1000)}, "
                f"its lateness at most {milliseconds(lateness * 1000)}"
            )
        if facts.trial.view_changes:
            lines.append(f"views: polled from {len(facts.evidence.plan.nodes)} nodes, kept when they change")
    watched = evidence.observer
    if watched:
        share = watched["processor_seconds"] / watched["seconds"]
        late = milliseconds(watched["lateness_p99_seconds"] * 1000)
        lines.append(
            f"canaries and views together took {share:.1%} of a core; 99 of 100 beats were at most {late} late"
        )
    lines.append(
        "phases: seconds since the fault took effect; ± covers the interval between last not seen and first seen, "
        "the observer's lateness and each source's floor"
    )
    floors = ", ".join(f"{source} {milliseconds(value * 1000)}" for source, value in FLOORS_SECONDS.items() if value)
    lines.append(f"floors of the sources: {floors}")
    if evidence.plan.timeline:
        lines.append("faults with a plain `at` begin at one fixed phase of the cluster's timers: it was not sampled")
    noisy = [f"trial {trial.number}: {text}" for trial in evidence.trials for text in noise(trial.host)]
    return (
        *lines,
        *(noisy or ["host: quiet" if evidence.trials and evidence.trials[0].host else "host: not measured"]),
    )
