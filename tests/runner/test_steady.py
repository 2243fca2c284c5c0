"""The steady state: what must be true before t = 0, and how long it is waited for."""

from __future__ import annotations

import asyncio

import pytest

from chaos import clock
from chaos.errors import Inconclusive
from chaos.model.operation import LATENCY_BUCKETS_SECONDS, LoadProgress
from chaos.runner.steady import PATIENCE_SECONDS, QUIET_SECONDS, Steadiness
from tests.runner.toy_run import play


def progress(ok: int, failed: int = 0) -> LoadProgress:
    return LoadProgress(
        load="load",
        requests={"write ok": ok, "write failed": failed},
        errors={},
        acknowledged_writes=ok,
        duration_buckets=(0,) * (len(LATENCY_BUCKETS_SECONDS) + 1),
        duration_sum_seconds=0.0,
    )


def test_a_quiet_warm_up_is_enough() -> None:
    """Where operations succeed and none fails, the wait is over with the warm-up."""

    async def story() -> float:
        steadiness, began = Steadiness(), clock.now()
        steadiness.progressed(progress(10))
        await steadiness.wait(3.0, loaded=True)
        return clock.now() - began

    assert play(story()) == pytest.approx(3.0)


def test_a_failure_late_in_the_warm_up_extends_it() -> None:
    """After the last failure a quiet time must pass."""

    async def story() -> float:
        steadiness, began = Steadiness(), clock.now()
        asyncio.get_running_loop().call_later(2.5, steadiness.progressed, progress(10, failed=1))
        await steadiness.wait(3.0, loaded=True)
        return clock.now() - began

    assert play(story()) == pytest.approx(2.5 + QUIET_SECONDS, abs=0.06)


def test_a_refusing_shard_is_waited_for() -> None:
    """While a canary says that a shard refuses, the state is not steady; when it serves again, quiet begins."""

    async def story() -> float:
        steadiness, began = Steadiness(), clock.now()
        steadiness.sighted("shard_unavailable", {"shard": 2})
        asyncio.get_running_loop().call_later(10.0, steadiness.sighted, "shard_available", {"shard": 2})
        await steadiness.wait(3.0, loaded=False)
        return clock.now() - began

    assert play(story()) == pytest.approx(10.0 + QUIET_SECONDS, abs=0.06)


@pytest.mark.parametrize(
    ("loaded", "event", "wanting"),
    [(True, None, "no operation of the load has succeeded"), (False, "shard_unavailable", "acknowledged by shard 2")],
)
def test_patience_ends(loaded: bool, event: str | None, wanting: str) -> None:
    """What never comes ends the wait after the patience, with what was wanting."""

    async def story() -> float:
        steadiness, began = Steadiness(), clock.now()
        if event:
            steadiness.sighted(event, {"shard": 2})
        with pytest.raises(Inconclusive, match=wanting):
            await steadiness.wait(3.0, loaded=loaded)
        return clock.now() - began

    assert play(story()) == pytest.approx(3.0 + PATIENCE_SECONDS, abs=0.06)
