"""The metrics: name, type, labels and meaning of every series, as users' dashboards rely on them."""

from __future__ import annotations

from typing import Literal, NamedTuple

from chaos.model.operation import LATENCY_BUCKETS_SECONDS

FAILOVER_BUCKETS_SECONDS = (
    0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 12.0, 15.0, 20.0, 25.0, 30.0, 60.0,
)  # fmt: skip
"""Upper bounds of the failover histogram: a second wide where Redis's usual node timeouts put a failover."""


class Metric(NamedTuple):
    """One metric. Every series has the label `scenario` too."""

    name: str
    type: Literal["counter", "gauge", "histogram", "info"]
    labels: tuple[str, ...]
    sentence: str
    buckets: tuple[float, ...] = ()


METRICS = (
    Metric(
        "chaos_run_info",
        "info",
        ("run_id", "driver", "server_version"),
        "Always 1; which run the other series belong to, where it runs and on which server version.",
    ),
    Metric(
        "chaos_run_verdict",
        "gauge",
        ("verdict",),
        "1 for the run's verdict (pass, fail or inconclusive), 0 for the others; all 0 until it is known.",
    ),
    Metric(
        "chaos_requests_total",
        "counter",
        ("load", "op", "outcome"),
        "Operations of the load by kind (read, write) and outcome (ok, failed, unknown, not_sent).",
    ),
    Metric(
        "chaos_request_duration_seconds",
        "histogram",
        ("load",),
        "Latency of answered operations, from the intended time where there is a rate.",
        LATENCY_BUCKETS_SECONDS,
    ),
    Metric("chaos_errors_total", "counter", ("load", "class"), "Operations that did not succeed, by class of error."),
    Metric(
        "chaos_failover_seconds",
        "histogram",
        ("service", "phase"),
        "From the instant the fault took effect to each phase of the failover, over the run's failovers.",
        FAILOVER_BUCKETS_SECONDS,
    ),
    Metric(
        "chaos_failover_last_seconds",
        "gauge",
        ("service", "phase"),
        "The same for the last failover; a phase that never came is missing.",
    ),
    Metric(
        "chaos_unavailable_seconds_total",
        "counter",
        ("service", "shard"),
        "How long no write to a shard was acknowledged, as the strict canary saw it; grows during an outage.",
    ),
    Metric("chaos_fault_active", "gauge", ("service", "fault", "node"), "1 while a fault is in effect on a node."),
    Metric(
        "chaos_injections_total",
        "counter",
        ("service", "fault", "effect"),
        "Injections by what the independent probe saw (confirmed, mismatch, inconclusive).",
    ),
    Metric(
        "chaos_node_role",
        "gauge",
        ("service", "node", "role"),
        "1 for the role (master or replica) that a node has now, 0 for the other.",
    ),
    Metric("chaos_node_up", "gauge", ("service", "node"), "1 while the node's server process runs."),
    Metric("chaos_slots_served", "gauge", ("service",), "Hash slots that a master serves now."),
    Metric("chaos_writes_acknowledged_total", "counter", ("load",), "Writes that the load was told are done."),
    Metric(
        "chaos_writes_lost_total",
        "counter",
        ("service",),
        "Acknowledged writes that the final reads did not find; counted when the run is judged.",
    ),
    Metric(
        "chaos_expectation_ok",
        "gauge",
        ("check", "scope"),
        "1 if an expectation holds, 0 if it does not or could not be judged; missing until then.",
    ),
    Metric("chaos_last_run_timestamp_seconds", "gauge", (), "When the run ended, in seconds since 1970."),
)

_HEAD = """\
# Metrics

<!-- Made by `python -m chaos.telemetry.metrics > docs/metrics.md`; a test keeps it equal to the code. -->

While a run lasts, `http://127.0.0.1:PORT/metrics` serves these; the first lines of the run name the port, and
`--metrics-port N` chooses it. An endpoint that was scraped stays up afterwards until it was scraped twice more,
15 seconds at most. The last state is kept as `metrics.om` (OpenMetrics) in the run directory.

Every series has the label `scenario` besides those listed.

| metric | type | labels | meaning |
|---|---|---|---|
"""


def reference_page() -> str:
    """The table of all metrics as Markdown."""
    rows = (
        f"| `{metric.name}` | {metric.type} | {_codes(metric.labels)} | {metric.sentence} |\n" for metric in METRICS
    )
    buckets = (
        f"Buckets of `{metric.name}`, in seconds: {', '.join(f'{bound:g}' for bound in metric.buckets)}.\n"
        for metric in METRICS
        if metric.buckets
    )
    return _HEAD + "".join(rows) + "\n" + "\n".join(buckets)


def _codes(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)


if __name__ == "__main__":
    print(reference_page(), end="")
