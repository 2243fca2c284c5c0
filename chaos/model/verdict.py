"""Verdicts: pass, fail or inconclusive, with what was measured and why."""

from __future__ import annotations

from chaos.model.record import Record

PASS, FAIL, INCONCLUSIVE = "pass", "fail", "inconclusive"


class Judgement(Record):
    """What a check says of one trial: a measured value in its unit, or why there is none."""

    measured: float | None
    unit: str = ""
    verdict: str
    reason: str = ""
    margin: float | None = None
    """How far inside the bound (negative: outside), in the same unit."""


def worst(verdicts: list[str]) -> str:
    """Fail beats inconclusive beats pass; no verdict at all is a pass."""
    return next((verdict for verdict in (FAIL, INCONCLUSIVE) if verdict in verdicts), PASS)
