"""Prediction: when a failover must have ended by the server's own rules, and why one did not.

Source of the formulas: Redis Cluster specification and `cluster.c` (Redis 5.0 … 7.x). NT is
`cluster-node-timeout`, in seconds here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chaos.model.evidence import NodeLogEvent
from chaos.model.result import Prediction

NOISY_CPU_PRESSURE = 0.2
"""Share of the time in which some task waited for a processor; above it a trial is marked noisy."""
NOISY_STEAL = 0.05
"""Share of processor time that a hypervisor kept from this host."""


def redis_cluster_envelope(node_timeout_seconds: float) -> Prediction:
    """When the shard of a master that died at 0 serves again, with a first election that wins.

    The first suspicion comes NT … 1.5 NT after the fault (every node pings whatever has been
    silent for NT/2), the election starts 500 … 1000 ms after agreement, gossip and the 100 ms
    cron account for the rest: NT + 0.5 s … 1.5 NT + 2.3 s.
    """
    return Prediction(
        low=node_timeout_seconds + 0.5,
        high=1.5 * node_timeout_seconds + 2.3,
        basis=f"NT + 0.5 s … 1.5 NT + 2.3 s with NT = {node_timeout_seconds:g} s, for a first election that wins",
    )


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a measured value lies against its prediction."""

    inside: bool | None
    """None where nothing can be compared."""
    explanation: str = ""


def place(
    serving_seconds: float | None,
    uncertainty_seconds: float | None,
    predicted: Prediction | None,
    log: Sequence[NodeLogEvent],
    host: Mapping[str, float],
) -> Placement:
    """Compares `serving` (seconds since effective) with its prediction and explains a difference.

    `log` holds the events of the failover's own window. A value whose uncertainty reaches
    into the envelope is inside.
    """
    reasons = explanations(log, host)
    if predicted is None or serving_seconds is None:
        return Placement(None, "; ".join(reasons))
    slack = uncertainty_seconds or 0.0
    if predicted.low - slack <= serving_seconds <= predicted.high + slack:
        return Placement(True, "; ".join(reasons))
    side = "later" if serving_seconds > predicted.high else "earlier"
    return Placement(False, "; ".join(reasons) or f"unexplained: {side} than predicted, and no log says why")


def explanations(log: Sequence[NodeLogEvent], host: Mapping[str, float]) -> list[str]:
    """What in the logs or on the host makes a failover leave its ordinary course, in words."""
    found = []
    starts = [event for event in log if event.kind == "election started"]
    lost = sum(event.kind == "election failed" for event in log)
    if lost or len(starts) > 1:
        found.append(f"second mode: {_times(max(lost, len(starts) - 1))} failed election before the one that won")
    if any(event.kind == "validity refused" for event in log):
        found.append("a replica refused to stand for election: its data was too old")
    ranked = next((event for event in log if event.kind == "rank delay"), None)
    if ranked:
        found.append(f"rank delay: {ranked.node} let a replica with newer data go first")
    return found + noise(host)


def noise(host: Mapping[str, float]) -> list[str]:
    """What made the host too busy to trust its timing, in words; empty if it was quiet."""
    pressure, steal = host.get("cpu_pressure_share", 0.0), host.get("steal_share", 0.0)
    found = []
    if pressure > NOISY_CPU_PRESSURE:
        found.append(f"noisy host: tasks waited for a processor {pressure:.0%} of the time")
    if steal > NOISY_STEAL:
        found.append(f"noisy host: {steal:.0%} of processor time was taken by its hypervisor")
    return found


def _times(count: int) -> str:
    return "one" if count == 1 else str(count)
