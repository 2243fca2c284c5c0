"""The fault timeline: every injection at its time, held for its time, and healed at the end."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping, Sequence

from chaos import clock
from chaos.errors import ChaosError, Inconclusive
from chaos.model.plan import PlannedInjection
from chaos.runner.injector import Injector
from chaos.scenario.targets import Target
from chaos.telemetry.stream import Stream


async def run_timeline(
    planned: Sequence[PlannedInjection],
    targets: Mapping[str, Target],
    injector: Injector,
    stream: Stream,
    *,
    trial: int,
    t0: float,
    duration: float,
    seed: int,
) -> None:
    """Runs one trial's faults; returns at t0 + `duration`, with what has its own end already reverted.

    An injection that cannot be made is a `trial_issue`: the trial goes on, and is inconclusive.
    """
    lives = [
        asyncio.create_task(_live(entry, targets[entry.name], injector, t0=t0, duration=duration, seed=seed))
        for entry in planned
    ]
    try:
        await asyncio.sleep(max(0.0, t0 + duration - clock.now()))
        for life in asyncio.as_completed(lives):
            try:
                await life
            except Inconclusive as issue:
                stream.emit("harness", "trial_issue", trial=trial, text=str(issue))
            except ChaosError:
                pass  # the injector has said it: injection_failed
    finally:
        for task in lives:
            task.cancel()
        await asyncio.gather(*lives, return_exceptions=True)


async def _live(
    entry: PlannedInjection, target: Target, injector: Injector, *, t0: float, duration: float, seed: int
) -> None:
    """One injection: wait, inject, hold; what has no end of its own is left to the healing at the end."""
    due = t0 + entry.at
    await asyncio.sleep(max(0.0, due - clock.now()))
    injection = await injector.inject(entry, target, due, random.Random(f"{seed}/{entry.name}"))
    if entry.lasting or entry.until >= duration:
        return
    held_from = injection.record.confirmed_at or clock.now()
    ends = min(held_from + entry.until - entry.at, t0 + duration)
    await asyncio.sleep(max(0.0, ends - clock.now()))
    await injector.revert(injection)
