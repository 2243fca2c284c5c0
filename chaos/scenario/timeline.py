"""The fault timeline of one trial, drawn before it begins."""

from __future__ import annotations

from chaos.model.plan import PlannedInjection
from chaos.scenario.language import FaultEntry, Scenario
from chaos.scenario.quantities import format_duration


def draw_timeline(scenario: Scenario, seed: int) -> tuple[PlannedInjection, ...]:
    """What is injected when, in seconds since t = 0, in order of time (entries due at once keep the file's order).

    The same scenario and seed always give the same timeline. An exact `at` draws nothing from
    the seed; it belongs to the signature for instants that are given as ranges.
    """
    planned = [_planned(entry, scenario.duration) for entry in scenario.faults]
    return tuple(sorted(planned, key=lambda injection: injection.at))


def _planned(entry: FaultEntry, duration: float) -> PlannedInjection:
    until, note = _end(entry, duration)
    return PlannedInjection(
        name=entry.name,
        fault=entry.fault,
        target=entry.target.text,
        at=entry.at,
        until=until,
        options=entry.options,
        note=note,
    )


def _end(entry: FaultEntry, duration: float) -> tuple[float, str]:
    """When it is reverted, if it takes effect at once, and what a reader of the plan should know about that."""
    if entry.hold is None:
        return duration, "healed at the end of the trial"
    if entry.at + entry.hold <= duration:
        return entry.at + entry.hold, ""
    left = format_duration(round(duration - entry.at, 6))
    return duration, f"cut from {format_duration(entry.hold)} to {left} by the end of the trial"
