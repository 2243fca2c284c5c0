"""The metrics say what happened, under the names that dashboards rely on."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_open_metrics
from prometheus_client.parser import text_string_to_metric_families as parse

from chaos.model.event import Event
from chaos.model.plan import RunPlan
from chaos.telemetry.metrics import METRICS, reference_page
from chaos.telemetry.prometheus import KnownSeries, Metrics, Outages

Story = Callable[..., list[Event]]
Series = dict[tuple[str, frozenset[tuple[str, str]]], float]

KNOWN = KnownSeries(
    scenario="master-kill",
    run_id="20260101-120000-master-kill",
    driver="docker",
    server_version="",
    service="redis",
    loads=("load",),
    nodes=tuple(f"redis-{number}" for number in range(1, 7)),
    shards=(1, 2, 3),
    faults=("kill",),
)


def metrics_after(events: list[Event]) -> Metrics:
    metrics = Metrics(KNOWN)
    for event in events:
        metrics.receive(event)
    return metrics


def text_of(metrics: Metrics) -> str:
    return metrics.render("")[1].decode()


def series_of(metrics: Metrics) -> Series:
    families = parse(text_of(metrics))
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


def value(metrics: Metrics, name: str, **labels: str) -> float:
    return series_of(metrics)[name, frozenset({"scenario": "master-kill", **labels}.items())]


@pytest.fixture
def finished(story: Story) -> Metrics:
    return metrics_after(story())


def test_what_a_plan_makes_known(plan: RunPlan) -> None:
    """The nodes, shards and faults whose series start at 0 are those of the plan."""
    assert KnownSeries.of(plan, ("load",)) == replace(KNOWN, server_version="7.2.4")


def test_every_metric_of_the_table_is_there_at_the_end(finished: Metrics) -> None:
    """After a whole run every metric of the table has at least one series with exactly the labels it promises."""
    series = series_of(finished)
    for metric in METRICS:
        name = f"{metric.name}_count" if metric.type == "histogram" else metric.name
        seen = [{label for label, _ in labels} for sample, labels in series if sample == name]
        assert seen, metric.name
        assert all(labels == {"scenario", *metric.labels} for labels in seen), metric.name


def test_the_linter_of_prometheus_is_content(finished: Metrics) -> None:
    """`promtool check metrics` has nothing to say."""
    check = subprocess.run(["promtool", "check", "metrics"], input=text_of(finished), capture_output=True, text=True)
    assert (check.returncode, check.stderr) == (0, "")


def test_open_metrics_is_stamped(finished: Metrics) -> None:
    """The OpenMetrics text parses strictly, and every sample bears the wall time of the last event."""
    families = list(parse_open_metrics(finished.open_metrics()))
    assert {float(sample.timestamp) for family in families for sample in family.samples} == {1767268800.0 + 56.0}


def test_no_created_series(finished: Metrics) -> None:
    """There is no `_created` series in either format."""
    assert "_created" not in text_of(finished) + finished.open_metrics()


def test_counters_start_at_zero() -> None:
    """Before the first event every counter of a known load, fault, shard and phase is there and 0."""
    series = series_of(Metrics(KNOWN))
    counters = {sample for sample, _ in series if sample.endswith("_total")}
    assert counters == {metric.name for metric in METRICS if metric.type == "counter"}
    assert {number for (sample, _), number in series.items() if sample in counters} == {0.0}


def test_requests_by_kind_and_outcome(finished: Metrics) -> None:
    """Requests are counted as the load last said, not added up."""
    assert value(finished, "chaos_requests_total", load="load", op="write", outcome="ok") == 21000
    assert value(finished, "chaos_requests_total", load="load", op="write", outcome="failed") == 1000
    assert value(finished, "chaos_requests_total", load="load", op="read", outcome="not_sent") == 0


def test_errors_by_class(finished: Metrics) -> None:
    """Errors stand under their class."""
    assert value(finished, "chaos_errors_total", load="load", **{"class": "connection refused"}) == 1000


def test_latency_buckets_are_cumulative(finished: Metrics) -> None:
    """Each bucket of the latency histogram counts what is below it too."""
    assert value(finished, "chaos_request_duration_seconds_bucket", load="load", le="0.0005") == 43000
    assert value(finished, "chaos_request_duration_seconds_bucket", load="load", le="+Inf") == 43000
    assert value(finished, "chaos_request_duration_seconds_sum", load="load") == pytest.approx(4.4)


def test_failover_phases(finished: Metrics) -> None:
    """A measured phase counts once in its bucket; a phase that never came counts nowhere."""
    assert value(finished, "chaos_failover_seconds_bucket", service="redis", phase="serving", le="6.0") == 0
    assert value(finished, "chaos_failover_seconds_bucket", service="redis", phase="serving", le="7.0") == 1
    assert value(finished, "chaos_failover_seconds_count", service="redis", phase="elected") == 0
    assert value(finished, "chaos_failover_last_seconds", service="redis", phase="serving") == 6.6


def test_unavailable_seconds(finished: Metrics) -> None:
    """The shard that was down has its outage, the others have none."""
    assert value(finished, "chaos_unavailable_seconds_total", service="redis", shard="3") == pytest.approx(6.6)
    assert value(finished, "chaos_unavailable_seconds_total", service="redis", shard="1") == 0


def test_roles_follow_the_promotion(story: Story) -> None:
    """A promoted node is a master and no replica any more."""
    before, after = metrics_after(story(20.0)), metrics_after(story())
    labels = {"service": "redis", "node": "redis-6"}
    assert value(before, "chaos_node_role", role="master", **labels) == 0
    assert value(after, "chaos_node_role", role="master", **labels) == 1
    assert value(after, "chaos_node_role", role="replica", **labels) == 0


def test_a_dead_node_is_down_until_it_is_started(story: Story) -> None:
    """A node is up but between the end of its process and its start."""
    ups = [
        value(metrics_after(story(at)), "chaos_node_up", service="redis", node="redis-3")
        for at in (0.0, 5.0, 20.0, 40.0)
    ]
    assert ups == [0, 1, 0, 1]


def test_a_fault_is_active_until_it_is_reverted(story: Story) -> None:
    """The fault is active from its effect to its revert."""
    labels = {"service": "redis", "fault": "kill", "node": "redis-3"}
    assert [value(metrics_after(story(at)), "chaos_fault_active", **labels) for at in (20.0, 40.0)] == [1, 0]


def test_injections_by_effect(finished: Metrics) -> None:
    """A confirmed injection counts as confirmed and as nothing else."""
    labels = {"service": "redis", "fault": "kill"}
    counts = {
        effect: value(finished, "chaos_injections_total", effect=effect, **labels)
        for effect in ("confirmed", "mismatch")
    }
    assert counts == {"confirmed": 1, "mismatch": 0}


def test_verdict(story: Story, finished: Metrics) -> None:
    """All three verdicts are there: 0 while the run lasts, then 1 for the one."""
    verdicts = ("pass", "fail", "inconclusive")
    running = metrics_after(story(50.0))
    assert [value(running, "chaos_run_verdict", verdict=verdict) for verdict in verdicts] == [0, 0, 0]
    assert [value(finished, "chaos_run_verdict", verdict=verdict) for verdict in verdicts] == [0, 1, 0]


def test_expectations_and_losses(finished: Metrics) -> None:
    """Each expectation has its own series, and lost writes stand beside the acknowledged ones."""
    assert value(finished, "chaos_expectation_ok", check="recovery_time", scope="trial") == 1
    assert value(finished, "chaos_expectation_ok", check="lost_writes", scope="trial") == 0
    assert value(finished, "chaos_writes_lost_total", service="redis") == 2
    assert value(finished, "chaos_writes_acknowledged_total", load="load") == 21000


def test_run_info_takes_the_version_a_node_states(finished: Metrics) -> None:
    """The server version is the one that a live node stated."""
    labels = {"run_id": KNOWN.run_id, "driver": "docker", "server_version": "7.2.5"}
    assert value(finished, "chaos_run_info", **labels) == 1


def test_end_of_the_run_is_a_wall_time(finished: Metrics) -> None:
    """The time stamp is that of the run's last event, in seconds since 1970."""
    assert value(finished, "chaos_last_run_timestamp_seconds") == 1767268800.0 + 56.0


def test_an_outage_grows_and_never_shrinks() -> None:
    """The total grows while a shard is down, and a scrape that came late is not taken back."""
    outages = Outages((3,))
    outages.begin(3, at=10.0)
    assert outages.seconds(now=12.0) == {3: 2.0}
    assert outages.seconds(now=15.5) == {3: 5.5}
    outages.end(3, at=15.0)
    assert outages.seconds(now=16.0) == {3: 5.5}
    outages.begin(3, at=20.0)
    assert outages.seconds(now=22.0) == {3: 7.0}


def test_hostile_names_are_escaped() -> None:
    """A scenario's name cannot break out of its label."""
    metrics = Metrics(
        KnownSeries(**{**{name: getattr(KNOWN, name) for name in KNOWN.__slots__}, "scenario": 'a"} 1\nb\\'})
    )
    scenarios = {
        labels["scenario"] for family in parse(text_of(metrics)) for labels in (s.labels for s in family.samples)
    }
    assert scenarios == {'a"} 1\nb\\'}


def test_the_reference_page_is_up_to_date() -> None:
    """`docs/metrics.md` is what the table of metrics makes."""
    page = Path(__file__).parents[2] / "docs" / "metrics.md"
    assert page.read_text(encoding="utf-8") == reference_page()
