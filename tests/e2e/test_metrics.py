"""The metrics of a run while it lasts, as a Prometheus would scrape them."""

from __future__ import annotations

import subprocess
import urllib.request
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.harness import QUICK, ROOT, started, wait_for, wait_for_event

pytestmark = pytest.mark.engine


def scrape(url: str) -> str:
    with urllib.request.urlopen(url, timeout=5) as reply:
        return str(reply.read().decode())


def value(text: str, name: str, **labels: str) -> float | None:
    """The value of the one series of that name that has these labels; None if there is none."""
    samples = (sample for family in text_string_to_metric_families(text) for sample in family.samples)
    return next((one.value for one in samples if one.name == name and labels.items() <= one.labels.items()), None)


def test_a_scraper_sees_the_fault_the_dead_node_and_the_verdict(reports: Path) -> None:
    """During the fault the node is down and the fault active; a scraped endpoint stays until the verdict was read."""
    scenario = str(ROOT / "scenarios" / "master-kill.yml")
    words = ("--set", "faults.1.at=1s", "--set", "faults.1.for=6s", "--set", "duration=9s")
    with started("run", scenario, "--driver", "docker", *QUICK, *words, reports=reports) as process:
        url = wait_for_event(reports, "run_started")["data"]["metrics"]
        wait_for_event(reports, "injection_effective")
        during = scrape(url)
        assert value(during, "chaos_fault_active", fault="kill", node="redis-3") == 1
        assert value(during, "chaos_node_up", node="redis-3") == 0
        assert (value(during, "chaos_requests_total", op="write", outcome="ok") or 0) > 0
        wait_for_event(reports, "run_ended")
        after = wait_for("the verdict", lambda: verdict_in(scrape(url)))
        output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, output + errors
    assert value(after, "chaos_run_verdict", verdict="pass") == 1
    assert value(after, "chaos_failover_last_seconds", phase="serving") is not None
    checked = subprocess.run(["promtool", "check", "metrics"], input=after, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr


def verdict_in(text: str) -> str | None:
    decided = any(value(text, "chaos_run_verdict", verdict=verdict) for verdict in ("pass", "fail", "inconclusive"))
    return text if decided else None
