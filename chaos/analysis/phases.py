"""Phases: what happened between a fault and full recovery, one set for each failover of a trial.

Each phase is an instant with its sources (see `chaos.analysis.instants`); what the servers did,
what a strict client saw and what an ordinary client saw stand side by side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy

from chaos.analysis.convergence import Shortcomings, convergence_shortcomings, held_from, redundancy_shortcomings
from chaos.analysis.durability import strict_rows
from chaos.analysis.effective import Effect
from chaos.analysis.instants import BEATS, NODE_LOG, OPERATIONS, Instant, combine
from chaos.analysis.view_history import Promotion, ViewHistory
from chaos.model.evidence import NodeLogEvent, Rows, TrialEvidence
from chaos.model.operation import Client, Kind, Outcome
from chaos.model.plan import RunPlan
from chaos.model.result import PHASES
from chaos.model.view import FAILED, MASTER, SUSPECTED, View

LOG_SECONDS = 0.5
"""How long after its promotion was polled a failover's own log lines may still come."""
SERVER_PHASES = ("suspected", "agreed", "elected", "promoted", "serving")


@dataclass(frozen=True, slots=True)
class Failover:
    """One promotion, or one agreed failure that nobody was promoted for, with every phase that came."""

    effect: Effect | None
    """The injection that caused it; None for one nothing explains."""
    shard: int
    old: str | None
    new: str | None
    phases: dict[str, Instant | None]
    at_least: dict[str, float] = field(default_factory=dict)
    """Phase that never came → seconds since effective for which it certainly did not."""
    disagreements: tuple[str, ...] = ()
    log: tuple[NodeLogEvent, ...] = ()
    """What the nodes logged between the fault and serving."""

    @property
    def effective(self) -> Instant | None:
        return self.effect.effective if self.effect else None

    def seconds(self, phase: str) -> float | None:
        """A phase in seconds since its injection took effect."""
        instant = self.phases.get(phase)
        return instant.since(self.effective) if instant and self.effective else None

    def uncertainty(self, phase: str) -> float | None:
        """± seconds of `seconds`: its own and that of the effective instant."""
        instant = self.phases.get(phase)
        return instant.uncertainty + self.effective.uncertainty if instant and self.effective else None


@dataclass(frozen=True, slots=True)
class Observations:
    """What the phases of a trial are read from."""

    plan: RunPlan
    trial: TrialEvidence
    history: ViewHistory
    effects: tuple[Effect, ...]
    clients: tuple[Client, ...]

    @property
    def names(self) -> list[str]:
        return [node.name for node in self.plan.nodes]


def failovers(seen: Observations) -> tuple[Failover, ...]:
    """Every failover of a trial, in the order of their shards' promotions, then those that never ended."""
    promoted = [_failover(seen, one, cause(one, seen.effects)) for one in seen.history.promotions(seen.trial.t0)]
    causes = {(one.effect.injection.number, one.shard) for one in promoted if one.effect}
    unfinished = [
        _Course(seen, effect, shard, old, None).failover()
        for effect in seen.effects
        for shard, old in effect.injection.master_of.items()
        if (effect.injection.number, shard) not in causes
    ]
    return (*promoted, *(one for one in unfinished if one.phases["agreed"]))


def cause(promotion: Promotion, effects: Sequence[Effect]) -> Effect | None:
    """The injection that hit the old owner most recently before a promotion; None if none did."""
    before = [
        effect
        for effect in effects
        if effect.injection.issued_at <= promotion.seen.high
        and (promotion.old in effect.injection.nodes or promotion.shard in effect.injection.master_of)
    ]
    return max(before, key=lambda effect: effect.injection.issued_at, default=None)


def _failover(seen: Observations, promotion: Promotion, effect: Effect | None) -> Failover:
    return _Course(seen, effect, promotion.shard, promotion.old, promotion).failover()


class _Course:
    """The course of one failover: for each phase its first source, then its cross-checks."""

    def __init__(
        self, seen: Observations, effect: Effect | None, shard: int, old: str | None, promotion: Promotion | None
    ) -> None:
        self.seen, self.effect, self.shard, self.old, self.promotion = seen, effect, shard, old, promotion
        self.effective = effect.effective if effect else None
        self.since = self.effective.low if self.effective else seen.trial.t0
        self.until = self._horizon()

    def failover(self) -> Failover:
        sightings = {
            "suspected": self._suspected(),
            "agreed": self._agreed(),
            "elected": [self._won()],
            "promoted": self._promoted(),
            "serving": self._serving(),
            "client_recovered": [self._client_recovered()],
            "converged": [self._held(convergence_shortcomings)],
            "redundant": [self._held(redundancy_shortcomings)],
        }
        combined = {phase: combine(phase, sightings[phase]) for phase in PHASES}
        phases = {phase: one.instant for phase, one in combined.items()}
        doubts = self.effect.disagreements if self.effect else ()
        return Failover(
            effect=self.effect,
            shard=self.shard,
            old=self.old,
            new=self.promotion.new if self.promotion else None,
            phases=phases,
            at_least=self._at_least(phases),
            disagreements=(*doubts, *(text for one in combined.values() for text in one.disagreements)),
            log=self._log(phases["serving"]),
        )

    def _suspected(self) -> list[Instant | None]:
        return [self._old_seen_in((SUSPECTED, FAILED))]

    def _agreed(self) -> list[Instant | None]:
        logged = [event for event in self._logged("agreed") if event.subject == self.old and event.node != self.old]
        return [_first_logged(logged), self._old_seen_in((FAILED,))]

    def _promoted(self) -> list[Instant | None]:
        if self.promotion is None:
            return []
        new = self.promotion.new
        polled = self.seen.history.first_seen(self.since, lambda view: _is_master(view, new))
        return [polled or self.promotion.seen, self._won()]

    def _serving(self) -> list[Instant | None]:
        if self.promotion is None:
            return []
        trial, index = self.seen.trial, self.seen.names.index(self.promotion.new)
        by_canary = _first_acknowledged(trial.beats, self.shard, index, self.since, BEATS)
        operations = trial.operations[strict_rows(trial.operations, self.seen.clients) & self._writes()]
        by_load = _first_acknowledged(operations, self.shard, index, self.since, OPERATIONS)
        if by_canary and by_load:  # the load asks seldom: all it can say is that the shard served by then
            by_load = Instant(min(by_load.low, self.since), by_load.high, OPERATIONS)
        return [by_canary, by_load]

    def _client_recovered(self) -> Instant | None:
        """The first success of an application-like client that the new master can have answered."""
        if self.promotion is None:
            return None
        done = self._application_operations()
        after = done["completed"][
            (done["outcome"] == Outcome.OK) & (done["completed"] > max(self.since, self.promotion.seen.low))
        ]
        return Instant(float(after.min()), float(after.min()), OPERATIONS) if len(after) else None

    def _held(self, shortcomings: Shortcomings) -> Instant | None:
        if self.promotion is None:
            return None
        return held_from(self.seen.history, self.seen.plan, self.since, self.until, shortcomings)

    def _won(self) -> Instant | None:
        new = self.promotion.new if self.promotion else None
        return _first_logged([event for event in self._logged("election won") if event.node == new])

    def _old_seen_in(self, healths: tuple[str, ...]) -> Instant | None:
        """When a node that survives first saw the old master in one of these states."""
        old = self.old or ""
        hit = frozenset(self.effect.injection.nodes if self.effect else (old,))
        return self.seen.history.first_seen(self.since, lambda view: _health(view, old) in healths, without=hit)

    def _logged(self, kind: str) -> list[NodeLogEvent]:
        """The log events of one kind between the fault and the next injection's own failover."""
        end = self.promotion.seen.high + LOG_SECONDS if self.promotion else self.until
        return [event for event in self.seen.trial.log_events if event.kind == kind and self.since < event.at <= end]

    def _log(self, serving: Instant | None) -> tuple[NodeLogEvent, ...]:
        end = serving.high if serving else self.until
        return tuple(event for event in self.seen.trial.log_events if self.since < event.at <= end)

    def _writes(self) -> Rows:
        """The writes to this shard that ended after the fault, as a mask of the operations."""
        rows = self.seen.trial.operations
        mine: Rows = (rows["shard"] == self.shard) & (rows["kind"] == Kind.WRITE) & (rows["completed"] > self.since)
        return mine

    def _application_operations(self) -> Rows:
        rows = self.seen.trial.operations
        own: Rows = rows[(rows["shard"] == self.shard) & ~strict_rows(rows, self.seen.clients)]
        return own

    def _horizon(self) -> float:
        """Up to where convergence must hold: the next injection after the promotion, or the trial's end."""
        if self.promotion is None:
            return self.seen.trial.t_end
        later = [effect.injection.issued_at for effect in self.seen.effects]
        return min((at for at in later if at > self.promotion.seen.high), default=self.seen.trial.t_end)

    def _at_least(self, phases: dict[str, Instant | None]) -> dict[str, float]:
        """For each phase that never came, how long it certainly did not; nothing where only its source is missing."""
        if self.effective is None:
            return {}
        known = self.until - self.effective.value
        reached = max((number for number, phase in enumerate(SERVER_PHASES) if phases[phase]), default=-1)
        never = [phase for phase in SERVER_PHASES[reached + 1 :]]
        if len(self._application_operations()):
            never.append("client_recovered")
        never += ["converged", "redundant"]
        return {phase: known for phase in never if phases[phase] is None}


def _health(view: View, node: str) -> str | None:
    member = view.named(node)
    return member.health if member else None


def _is_master(view: View, node: str) -> bool:
    member = view.named(node)
    return member is not None and member.role == MASTER


def _first_logged(events: Sequence[NodeLogEvent]) -> Instant | None:
    first = min(events, key=lambda event: event.at, default=None)
    return Instant(first.after, first.at, NODE_LOG) if first else None


def _first_acknowledged(rows: Rows, shard: int, node: int, since: float, source: str) -> Instant | None:
    """From the last request that the node refused to the first that it acknowledged."""
    own = rows[(rows["shard"] == shard) & (rows["node"] == node) & (rows["completed"] > since)]
    done = own[own["outcome"] == Outcome.OK]
    if not len(done):
        return None
    first = done[numpy.argmin(done["completed"])]
    refused = own["sent"][(own["outcome"] == Outcome.FAILED) & (own["sent"] < first["sent"])]
    low = max(since, float(refused.max())) if len(refused) else since
    lateness = float(first["lateness"]) if "lateness" in (rows.dtype.names or ()) else 0.0
    return Instant(low, float(first["completed"]), source, lateness)
