"""Loads: the operations of each load in a window, counted; what error rates and throughput are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy

from chaos.analysis.availability import Interval, count_errors
from chaos.analysis.latency import corrected_seconds, percentiles, uncorrected_seconds
from chaos.model.evidence import Rows, TrialEvidence
from chaos.model.operation import Client, Outcome
from chaos.model.result import LoadResult

DEFAULT_TIMEOUT_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class LoadWindow:
    """The operations that one or more clients intended inside windows of `seconds` in all."""

    operations: Rows
    seconds: float
    timeout_seconds: float

    def count(self, outcome: Outcome) -> int:
        return int((self.operations["outcome"] == outcome).sum())

    @property
    def error_rate(self) -> float | None:
        """(failed + unknown + not sent) / intended; None without an operation."""
        intended = len(self.operations)
        return 1 - self.count(Outcome.OK) / intended if intended else None

    @property
    def throughput(self) -> float | None:
        """Acknowledged operations per second; None without an operation or a window."""
        return self.count(Outcome.OK) / self.seconds if len(self.operations) and self.seconds > 0 else None

    @property
    def corrected_seconds(self) -> Rows:
        return corrected_seconds(self.operations, self.timeout_seconds)


def intended_in(operations: Rows, windows: Sequence[Interval]) -> Rows:
    """Which operations were intended inside one of the windows, as a mask; a closed loop intends as it sends."""
    at = numpy.where(numpy.isnan(operations["intended"]), operations["sent"], operations["intended"])
    inside: Rows = numpy.zeros(len(operations), dtype=bool)
    for begin, end in windows:
        inside |= (at >= begin) & (at < end)
    return inside


def load_results(
    trial: TrialEvidence, end: float, clients: Sequence[Client], specification: Mapping[str, Any] | None
) -> dict[str, LoadResult]:
    """Each kind of client's operations from t = 0 to the end of the load.

    Strict clients stand under their load's name, application-like ones under `load/client`.
    """
    timeout = timeout_of(specification)
    inside = intended_in(trial.operations, [(trial.t0, end)])
    results = {}
    for number, client in enumerate(clients):
        own = trial.operations[inside & (trial.operations["client"] == number)]
        name = f"{client.load}/{client.name}" if client.application_like else client.load
        results[name] = _result(LoadWindow(own, end - trial.t0, timeout), client, specification)
    return results


def timeout_of(specification: Mapping[str, Any] | None) -> float:
    """The time-out of one operation in seconds, as the scenario's `load` says."""
    return float((specification or {}).get("timeout", DEFAULT_TIMEOUT_SECONDS))


def _result(window: LoadWindow, client: Client, specification: Mapping[str, Any] | None) -> LoadResult:
    return LoadResult(
        operations=len(window.operations),
        ok=window.count(Outcome.OK),
        failed=window.count(Outcome.FAILED),
        unknown=window.count(Outcome.UNKNOWN),
        not_sent=window.count(Outcome.NOT_SENT),
        throughput_per_second=window.throughput,
        latency_ms=percentiles(window.corrected_seconds),
        latency_ms_uncorrected=percentiles(uncorrected_seconds(window.operations, window.timeout_seconds)),
        errors=count_errors(window.operations),
        schedule=_schedule(client, specification),
        client=client.library,
    )


def _schedule(client: Client, specification: Mapping[str, Any] | None) -> str:
    if client.application_like:
        return "closed loop: each waits for its answer, so an outage sends little"
    rate = (specification or {}).get("rate")
    if rate:
        return f"open schedule, {rate:g} operations/s"
    return "closed loop: blocked users send nothing, so an outage hides in these percentiles"
