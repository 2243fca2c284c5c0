"""Wording: measured values as people read them."""

from __future__ import annotations

from collections.abc import Sequence


def seconds(value: float | None) -> str:
    """Seconds to the millisecond where that is what matters: `8.02 s`, `0.412 s`, `31.0 s`."""
    if value is None:
        return "–"
    digits = 3 if abs(value) < 1 else 2 if abs(value) < 20 else 1
    return f"{value:.{digits}f} s"


def milliseconds(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.2f} ms" if abs(value) < 100 else f"{value:.0f} ms"


def share(value: float | None) -> str:
    """A ratio as a percentage."""
    return "–" if value is None else f"{value * 100:.3g} %"


def count(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}"


def per_second(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}/s"


def measured(value: float | None, unit: str) -> str:
    """A value in the unit of its check."""
    return _IN_UNIT[unit](value) if unit in _IN_UNIT else "–" if value is None else f"{value:g} {unit}".rstrip()


def listing(words: Sequence[str], most: int = 3) -> str:
    """The first of several, and how many more there are."""
    more = len(words) - most
    return "; ".join(words[:most]) + (f"; and {more} more" if more > 0 else "")


_IN_UNIT = {
    "seconds": seconds,
    "milliseconds": milliseconds,
    "ratio": share,
    "count": count,
    "per second": per_second,
}
