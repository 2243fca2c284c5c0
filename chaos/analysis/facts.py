"""Facts: everything that is to be known of one trial, computed once; what checks and the result are made from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy

from chaos.analysis.availability import ShardAvailability, availability
from chaos.analysis.convergence import (
    convergence_shortcomings,
    held_from,
    redundancy_shortcomings,
    views_at,
)
from chaos.analysis.durability import Durability, durability, strict_rows
from chaos.analysis.effective import Effect, effects
from chaos.analysis.instants import Instant
from chaos.analysis.loads import LoadWindow, intended_in, timeout_of
from chaos.analysis.look import Look
from chaos.analysis.phases import Failover, Observations, failovers
from chaos.analysis.view_history import Promotion, ViewHistory
from chaos.model.evidence import Evidence, TrialEvidence
from chaos.model.injection import CONFIRMED
from chaos.model.result import Prediction


@dataclass(frozen=True, slots=True)
class TrialFacts:
    """One trial, analysed."""

    evidence: Evidence
    trial: TrialEvidence
    effects: tuple[Effect, ...]
    promotions: tuple[Promotion, ...]
    failovers: tuple[Failover, ...]
    availability: dict[int, ShardAvailability]
    durability: Durability | None
    """None where nothing was written or nothing was read at the end."""
    converged: Instant | None
    redundant: Instant | None
    not_converged: tuple[str, ...]
    not_redundant: tuple[str, ...]
    prediction: Prediction | None

    @property
    def mismatches(self) -> list[str]:
        """The injections whose effect was not confirmed, in words."""
        return [
            f"'{one.injection.name}' on {', '.join(one.injection.nodes)}: {one.injection.effect}"
            + (f" ({one.injection.effect_detail})" if one.injection.effect_detail else "")
            for one in self.effects
            if one.injection.effect != CONFIRMED
        ]

    @property
    def disagreements(self) -> list[str]:
        """What two sources say differently of the same failover."""
        return list(dict.fromkeys(text for failover in self.failovers for text in failover.disagreements))

    @property
    def hit_shards(self) -> frozenset[int]:
        """The shards that some injection meant to hit."""
        formed = {node.name: node.shard for node in self.evidence.plan.nodes}
        return frozenset(shard for effect in self.effects for shard in effect.shards(formed))

    def named(self, name: str) -> list[Effect]:
        return [effect for effect in self.effects if effect.injection.name == name]

    def settle_anchor(self) -> float:
        """From where convergence is counted: the last revert; serving if nothing was reverted; else t = 0."""
        reverts = [effect.injection.reverted_at for effect in self.effects if effect.injection.reverted_at is not None]
        served = [one.phases["serving"].value for one in self.failovers if one.phases["serving"]]
        return max(reverts or served or [self.trial.t0])

    def settled_seconds(self, instant: Instant | None) -> float | None:
        """Seconds from the anchor to an instant; 0 for what held before."""
        return max(0.0, instant.value - self.settle_anchor()) if instant else None

    def operations(self, look: Look) -> LoadWindow:
        """The strict clients' operations that were intended where a check looks."""
        rows = self.trial.operations
        chosen = strict_rows(rows, self.evidence.clients) & intended_in(rows, look.windows)
        if look.shards is not None:
            chosen &= numpy.isin(rows["shard"], list(look.shards))
        if look.load is not None:
            own = [number for number, one in enumerate(self.evidence.clients) if one.load == look.load]
            chosen &= numpy.isin(rows["client"], own)
        seconds = sum(end - begin for begin, end in look.windows)
        return LoadWindow(rows[chosen], seconds, timeout_of(self.evidence.scenario.get("load")))

    def outages(self, look: Look) -> dict[int, ShardAvailability]:
        """The availability of the shards that a check looks at."""
        return {shard: one for shard, one in self.availability.items() if look.shards is None or shard in look.shards}


def facts_of(evidence: Evidence, trial: TrialEvidence, prediction: Prediction | None) -> TrialFacts:
    """Analyses one trial; `prediction` is the system's, for a master's death."""
    plan = evidence.plan
    names = [node.name for node in plan.nodes]
    history = ViewHistory(trial.view_changes, plan.shard_slots)
    hits = effects(trial, names)
    promotions = tuple(history.promotions(trial.t0))
    judged = len(trial.operations) > 0 and len(trial.final_reads) > 0
    final_views = views_at(history, trial.t_end)
    return TrialFacts(
        evidence=evidence,
        trial=trial,
        effects=hits,
        promotions=promotions,
        failovers=failovers(Observations(plan, trial, history, hits, evidence.clients)),
        availability=availability(trial.beats, plan.shard_slots, trial.t0, trial.t_end, promotions, names),
        durability=durability(trial.operations, trial.final_reads, evidence.clients) if judged else None,
        converged=held_from(history, plan, trial.t0, trial.t_end, convergence_shortcomings),
        redundant=held_from(history, plan, trial.t0, trial.t_end, redundancy_shortcomings),
        not_converged=tuple(convergence_shortcomings(final_views, plan)),
        not_redundant=tuple(redundancy_shortcomings(final_views, plan)),
        prediction=prediction,
    )


def run_facts(evidence: Evidence, prediction: Prediction | None) -> tuple[TrialFacts, ...]:
    """Every trial of a run, analysed."""
    return tuple(facts_of(evidence, trial, prediction) for trial in evidence.trials)
