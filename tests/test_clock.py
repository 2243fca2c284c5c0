"""The one clock: monotonic outside a loop, the loop's own inside, and a fake one that costs no waiting."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from chaos import clock
from chaos.clock import VirtualTimeLoop


def run_virtually(main: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    loop = VirtualTimeLoop(start_seconds=50.0)
    try:
        return loop.run_until_complete(main())
    finally:
        loop.close()


def test_outside_a_loop_it_is_the_monotonic_clock() -> None:
    """Without a running loop, now() lies between two readings of the monotonic clock."""
    before = time.monotonic()
    read = clock.now()
    assert before <= read <= time.monotonic()


async def test_in_an_ordinary_loop_it_is_the_monotonic_clock_too() -> None:
    """In an asyncio loop, now() can be compared with the monotonic clock of other processes."""
    before = time.monotonic()
    read = clock.now()
    assert before <= read <= time.monotonic()


def test_virtual_time_passes_without_waiting() -> None:
    """A sleep of a day on the fake clock moves now() by exactly a day."""

    async def sleep() -> tuple[float, float]:
        before = clock.now()
        await asyncio.sleep(86_400)
        return before, clock.now()

    assert run_virtually(sleep) == (50.0, 86_450.0)


def test_virtual_timers_fire_in_order_of_time() -> None:
    """Sleepers on the fake clock wake in the order of their times, however they were started."""
    woken: list[int] = []

    async def sleep(seconds: int) -> None:
        await asyncio.sleep(seconds)
        woken.append(seconds)

    async def all_of_them() -> None:
        await asyncio.gather(sleep(3), sleep(1), sleep(2))

    run_virtually(all_of_them)
    assert woken == [1, 2, 3]


def test_virtual_time_out_passes() -> None:
    """A time-out on the fake clock ends what never comes, at its time."""

    async def wait() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(7):
                await asyncio.sleep(1000)
        return clock.now()

    assert run_virtually(wait) == 57.0


def test_virtual_time_that_stands_still_is_an_error() -> None:
    """If every task waits for something that no timer brings, the fake loop says so and does not hang."""

    async def forever() -> None:
        await asyncio.get_running_loop().create_future()

    loop = VirtualTimeLoop()
    task = loop.create_task(forever())
    with pytest.raises(RuntimeError, match="virtual time stands still"):
        loop.run_until_complete(task)
    task.cancel()
    loop.run_until_complete(asyncio.gather(task, return_exceptions=True))
    loop.close()


def test_the_offset_joins_wall_and_monotonic_time() -> None:
    """Monotonic time plus the offset is the wall time between two readings of it (to a millisecond)."""
    offset = clock.wall_offset_seconds()
    before = time.time()
    wall = time.monotonic() + offset
    assert before - 0.001 <= wall <= time.time() + 0.001


def test_wall_time_is_written_in_utc_to_the_millisecond() -> None:
    """A wall time is shown as ISO 8601 in UTC, with three decimals."""
    assert clock.utc(1_700_000_000.0125) == "2023-11-14T22:13:20.012+00:00"
