"""The Prometheus sink: keeps every metric up to date from the events and renders them when asked."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate
from typing import Any, cast

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
)
from prometheus_client.core import Metric as Family
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from chaos import clock
from chaos.model.event import Event
from chaos.model.injection import CONFIRMED, INCONCLUSIVE, MISMATCH
from chaos.model.operation import ERROR_CLASSES, LATENCY_BUCKETS_SECONDS, Kind, Outcome
from chaos.model.plan import RunPlan
from chaos.model.result import PHASES
from chaos.model.verdict import FAIL, PASS
from chaos.model.verdict import INCONCLUSIVE as UNDECIDED
from chaos.model.view import MASTER, REPLICA
from chaos.telemetry.metrics import FAILOVER_BUCKETS_SECONDS, METRICS, Metric
from chaos.telemetry.picture import Picture

Labels = tuple[str, ...]
Series = dict[Labels, float]
Histograms = dict[Labels, "Buckets"]

_FAMILIES: Mapping[str, Callable[..., Any]] = {
    "counter": CounterMetricFamily,
    "gauge": GaugeMetricFamily,
    "histogram": HistogramMetricFamily,
    "info": InfoMetricFamily,
}


@dataclass(frozen=True, slots=True)
class KnownSeries:
    """The label values known before a run: their counters start at 0, so that a rate sees the first step."""

    scenario: str
    run_id: str
    driver: str
    server_version: str
    service: str
    loads: Labels
    nodes: Labels
    shards: tuple[int, ...]
    faults: Labels

    @classmethod
    def of(cls, plan: RunPlan, loads: Labels) -> KnownSeries:
        return cls(
            scenario=plan.scenario,
            run_id=plan.run_id,
            driver=plan.driver,
            server_version=plan.server.version or "",
            service=plan.nodes[0].service,
            loads=loads,
            nodes=tuple(node.name for node in plan.nodes),
            shards=tuple(plan.shard_slots),
            faults=tuple(sorted({injection.fault for injection in plan.timeline})),
        )


@dataclass(slots=True)
class Buckets:
    """A histogram's state: one count per bucket, then those above them all."""

    counts: list[int]
    sum: float = 0.0

    @classmethod
    def empty(cls, bounds: tuple[float, ...]) -> Buckets:
        return cls([0] * (len(bounds) + 1))

    def add(self, bounds: tuple[float, ...], value: float) -> None:
        self.counts[bisect_left(bounds, value)] += 1
        self.sum += value

    def cumulative(self, bounds: tuple[float, ...]) -> list[tuple[str, float]]:
        names = [repr(bound) for bound in bounds] + ["+Inf"]
        return list(zip(names, accumulate(self.counts), strict=True))


class Metrics(Collector):
    """A sink that answers scrapes. Events come from the event loop's thread, scrapes from others."""

    def __init__(self, known: KnownSeries) -> None:
        self._known = known
        self._lock = threading.Lock()
        self._picture = Picture()
        self._server_version = known.server_version
        self._outages = Outages(known.shards)
        self._injections: Series = {
            (known.service, fault, effect): 0.0
            for fault in known.faults
            for effect in (CONFIRMED, MISMATCH, INCONCLUSIVE)
        }
        self._fault_nodes: set[tuple[str, str]] = set()
        self._failovers: Histograms = {
            (known.service, phase): Buckets.empty(FAILOVER_BUCKETS_SECONDS) for phase in PHASES
        }
        self._last_failover: Series = {}
        self._lost = 0.0
        self._expectations: Series = {}
        self._verdict: str | None = None
        self._ended_at: float | None = None
        self._last_wall = ""

    def receive(self, event: Event) -> None:
        with self._lock:
            self._last_wall = event.wall
            self._picture.see(event)
            count = getattr(self, f"_on_{event.event}", None)
            if count is not None:
                count(event)

    def close(self) -> None:
        """Nothing to let go of: it can be rendered after the last event."""

    def render(self, accept: str) -> tuple[str, bytes]:
        """Content type and text in the format that an HTTP `Accept` header prefers."""
        encode, content_type = choose_encoder(accept)
        return content_type, encode(self)

    def open_metrics(self) -> str:
        """The present state as OpenMetrics text for `metrics.om`, stamped with the last event's wall time."""
        encode, _ = choose_encoder("application/openmetrics-text")
        return encode(_At(self, _unix(self._last_wall) if self._last_wall else None)).decode()

    def collect(self) -> Iterator[Family]:
        yield from self.families()

    def families(self, timestamp: float | None = None) -> list[Family]:
        """Every metric with its series now; stamped with `timestamp` (seconds since 1970) if it is given."""
        with self._lock:
            return [self._family(metric, timestamp) for metric in METRICS]

    # What an event adds to the counters; what it changes in the present state is the picture's.

    def _on_server_version(self, event: Event) -> None:
        self._server_version = event.data["version"]

    def _on_shard_unavailable(self, event: Event) -> None:
        self._outages.begin(event.data["shard"], event.data["at"])

    def _on_shard_available(self, event: Event) -> None:
        self._outages.end(event.data["shard"], event.data["at"])

    def _on_trial_ended(self, event: Event) -> None:
        self._outages.end_all(event.data["t_end"])

    def _on_injection_effective(self, event: Event) -> None:
        fault = self._picture.fault_of[event.data["name"]]
        self._fault_nodes |= {(fault, node) for node in event.data["nodes"]}

    def _on_injection_effect(self, event: Event) -> None:
        labels = (self._known.service, self._picture.fault_of[event.data["name"]], event.data["effect"])
        self._injections[labels] = self._injections.get(labels, 0.0) + 1

    def _on_failover_measured(self, event: Event) -> None:
        self._last_failover.clear()
        for phase, seconds in event.data["phases"].items():
            if seconds is not None:
                labels = (self._known.service, phase)
                self._failovers[labels].add(FAILOVER_BUCKETS_SECONDS, seconds)
                self._last_failover[labels] = seconds

    def _on_data_measured(self, event: Event) -> None:
        self._lost += event.data["lost"] or 0

    def _on_expectation_judged(self, event: Event) -> None:
        labels = (event.data["check"], event.data["scope"])
        self._expectations[labels] = float(event.data["verdict"] == PASS)

    def _on_run_ended(self, event: Event) -> None:
        self._verdict = event.data["verdict"]
        self._ended_at = _unix(event.wall)

    # What each metric shows, by its name without the prefix.

    def _family(self, metric: Metric, timestamp: float | None) -> Family:
        if metric.type == "info":
            info = InfoMetricFamily(metric.name.removesuffix("_info"), metric.sentence, labels=("scenario",))
            info.add_metric((self._known.scenario,), self._run_info(), timestamp)
            return info
        family = _FAMILIES[metric.type](metric.name, metric.sentence, labels=("scenario", *metric.labels))
        series: Series | Histograms = getattr(self, f"_{metric.name.removeprefix('chaos_')}")()
        for labels, value in series.items():
            own = (self._known.scenario, *labels)
            if isinstance(value, Buckets):
                family.add_metric(own, value.cumulative(metric.buckets), value.sum, timestamp)
            else:
                family.add_metric(own, value, timestamp=timestamp)
        return cast(Family, family)

    def _run_info(self) -> dict[str, str]:
        known = self._known
        return {"run_id": known.run_id, "driver": known.driver, "server_version": self._server_version}

    def _run_verdict(self) -> Series:
        return {(verdict,): float(verdict == self._verdict) for verdict in (PASS, FAIL, UNDECIDED)}

    def _requests_total(self) -> Series:
        series: Series = {
            (load, kind.name.lower(), outcome.name.lower()): 0.0
            for load in self._known.loads
            for kind in Kind
            for outcome in Outcome
        }
        for load, now in self._picture.loads.items():
            for name, count in now.progress.requests.items():
                kind_name, _, outcome_name = name.partition(" ")
                series[load, kind_name, outcome_name] = count
        return series

    def _request_duration_seconds(self) -> Histograms:
        series: Histograms = {(load,): Buckets.empty(LATENCY_BUCKETS_SECONDS) for load in self._known.loads}
        for load, now in self._picture.loads.items():
            series[(load,)] = Buckets(list(now.progress.duration_buckets), now.progress.duration_sum_seconds)
        return series

    def _errors_total(self) -> Series:
        series: Series = {(load, error): 0.0 for load in self._known.loads for error in ERROR_CLASSES if error}
        for load, now in self._picture.loads.items():
            series |= {(load, error): float(count) for error, count in now.progress.errors.items()}
        return series

    def _failover_seconds(self) -> Histograms:
        return dict(self._failovers)

    def _failover_last_seconds(self) -> Series:
        return self._last_failover

    def _unavailable_seconds_total(self) -> Series:
        seconds = self._outages.seconds(clock.now())
        return {(self._known.service, str(shard)): total for shard, total in seconds.items()}

    def _fault_active(self) -> Series:
        active = {(fault.fault, node) for fault in self._picture.active for node in fault.nodes}
        return {(self._known.service, *pair): float(pair in active) for pair in sorted(self._fault_nodes)}

    def _injections_total(self) -> Series:
        return self._injections

    def _node_role(self) -> Series:
        roles = sorted({MASTER, REPLICA, *self._picture.roles.values()})
        return {
            (self._known.service, node, role): float(has == role)
            for node, has in self._picture.roles.items()
            for role in roles
        }

    def _node_up(self) -> Series:
        up = dict.fromkeys(self._known.nodes, False) | self._picture.up
        return {(self._known.service, node): float(runs) for node, runs in up.items()}

    def _slots_served(self) -> Series:
        served = self._picture.slots_served
        return {} if served is None else {(self._known.service,): served}

    def _writes_acknowledged_total(self) -> Series:
        series: Series = {(load,): 0.0 for load in self._known.loads}
        return series | {(load,): float(now.progress.acknowledged_writes) for load, now in self._picture.loads.items()}

    def _writes_lost_total(self) -> Series:
        return {(self._known.service,): self._lost}

    def _expectation_ok(self) -> Series:
        return self._expectations

    def _last_run_timestamp_seconds(self) -> Series:
        return {} if self._ended_at is None else {(): self._ended_at}


@dataclass(frozen=True, slots=True)
class _At(Collector):
    """All metrics as they are, stamped with one instant."""

    metrics: Metrics
    timestamp: float | None

    def collect(self) -> Iterator[Family]:
        yield from self.metrics.families(self.timestamp)


def _unix(wall: str) -> float:
    return datetime.fromisoformat(wall).timestamp()


class Outages:
    """How long each shard was unavailable: a total that grows during an outage and never goes back."""

    def __init__(self, shards: tuple[int, ...]) -> None:
        self._ended = dict.fromkeys(shards, 0.0)
        self._since: dict[int, float] = {}
        self._shown = dict.fromkeys(shards, 0.0)

    def begin(self, shard: int, at: float) -> None:
        self._since.setdefault(shard, at)

    def end(self, shard: int, at: float) -> None:
        since = self._since.pop(shard, at)
        self._ended[shard] = self._ended.get(shard, 0.0) + at - since

    def end_all(self, at: float) -> None:
        for shard in tuple(self._since):
            self.end(shard, at)

    def seconds(self, now: float) -> dict[int, float]:
        """Shard → total seconds until now. A scrape during an outage may come a little after its real end,
        so that the total stands still afterwards until the truth has caught up: a counter must not fall."""
        for shard, ended in self._ended.items():
            running = max(0.0, now - self._since[shard]) if shard in self._since else 0.0
            self._shown[shard] = max(self._shown.get(shard, 0.0), ended + running)
        return dict(self._shown)
