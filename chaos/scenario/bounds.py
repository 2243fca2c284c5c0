"""Bounds: what an expectation demands of a measured value, as a scenario writes it.

<= 9s   < 25%   0   1   at least 99.9%   at most 3   6s to 9s   within 15s   yes
within prediction   median <= 9s   p95 <= 9s   no worse than baseline [NAME] [by 10%]
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final, Literal

from chaos.errors import Inconclusive, Misread
from chaos.model.record import Record
from chaos.scenario.quantities import is_number, parse_count, parse_duration, parse_rate, parse_share

Unit = Literal["seconds", "milliseconds", "ratio", "count", "per second", "yes/no"]
Statistic = Literal["every", "median", "p95"]


class Bound(Record):
    """An interval that a value must lie in; `low` and `high` are in `unit`, None where it is open-ended."""

    text: str
    """As the scenario writes it, with single spaces."""
    unit: Unit
    low: float | None = None
    high: float | None = None
    low_excluded: bool = False
    high_excluded: bool = False
    statistic: Statistic = "every"
    """What must lie in it: every trial's value, or the median or 95th percentile over the trials."""
    prediction: bool = False
    """True for `within prediction` until `predicted` has filled in the interval."""

    def __str__(self) -> str:
        return self.text

    def holds(self, value: float) -> bool:
        """Whether the value lies inside; raises Inconclusive for a prediction that is not known."""
        self._refuse_unknown_prediction()
        above = self.low is None or (value > self.low if self.low_excluded else value >= self.low)
        below = self.high is None or (value < self.high if self.high_excluded else value <= self.high)
        return above and below

    def margin(self, value: float) -> float | None:
        """The distance to the nearest edge, negative outside; None for a bound without an edge."""
        self._refuse_unknown_prediction()
        distances = [value - self.low] if self.low is not None else []
        distances += [self.high - value] if self.high is not None else []
        return min(distances, default=None)

    def predicted(self, low: float, high: float) -> Bound:
        """`within prediction` with the interval that the system predicts, in the bound's unit."""
        return self.model_copy(update={"low": low, "high": high, "prediction": False})

    @property
    def is_upper(self) -> bool:
        """Whether it limits from above: something that never ends fails it."""
        return self.high is not None or self.prediction

    def _refuse_unknown_prediction(self) -> None:
        if self.prediction:
            raise Inconclusive("no prediction is known to compare with")


def parse_bound(text: str, units: Sequence[Unit], *, allow_yes: bool = False) -> Bound:
    """The bound that `text` writes for a check measured in `units[0]` (or, if so written, another of `units`).

    `allow_yes` accepts a plain `yes`: it must come to hold, whenever. Raises Misread.
    """
    words = " ".join(text.split())
    statistic, rest = _statistic(words)
    if rest == "yes":
        if not allow_yes and "yes/no" not in units:
            raise Misread("'yes' is no bound of this check", f"write a limit, as in: {_example(units[0])}")
        return Bound(text=words, unit=units[0], statistic=statistic)
    if rest == "within prediction":
        if units[0] not in ("seconds", "milliseconds"):
            raise Misread("there is no prediction for this check", f"write a limit, as in: {_example(units[0])}")
        return Bound(text=words, unit=units[0], statistic=statistic, prediction=True)
    if rest.startswith("no worse than"):
        raise Misread("bounds against a baseline are not yet available", f"write a limit, as in: {_example(units[0])}")
    return _interval(words, rest, statistic, units)


_COMPARISON: Final = re.compile(r"(<=|<|>=|>|at most\b|at least\b|within\b)\s*(.*)")


def _statistic(words: str) -> tuple[Statistic, str]:
    if words.startswith("median "):
        return "median", words.removeprefix("median ")
    if words.startswith("p95 "):
        return "p95", words.removeprefix("p95 ")
    return "every", words


def _interval(words: str, rest: str, statistic: Statistic, units: Sequence[Unit]) -> Bound:
    if compared := _COMPARISON.fullmatch(rest):
        word, written = compared.groups()
        value, unit = _value(written, units)
        if word == "within" and unit not in ("seconds", "milliseconds"):
            raise Misread(f"'within {written}' is not a duration", f"at most {written}?")
        if word in (">", ">=", "at least"):
            return Bound(text=words, unit=unit, low=value, low_excluded=word == ">", statistic=statistic)
        return Bound(text=words, unit=unit, high=value, high_excluded=word == "<", statistic=statistic)
    first, between, last = rest.partition(" to ")
    low, unit = _value(first, units)
    if not between:
        _refuse_exact(rest, low, unit)
        return Bound(text=words, unit=unit, low=low, high=low, statistic=statistic)
    high, last_unit = _value(last, units)
    if last_unit != unit:
        raise Misread(f"'{rest}' mixes units", f"write both ends alike, as in: {_example(unit)}")
    if high < low:
        raise Misread(f"'{rest}' runs backwards", f"{last} to {first}?")
    return Bound(text=words, unit=unit, low=low, high=high, statistic=statistic)


def _refuse_exact(text: str, value: float, unit: Unit) -> None:
    """Only counts are exact; of anything else, only nothing at all and everything are measured exactly."""
    if unit != "count" and value != 0 and (unit, value) != ("ratio", 1):
        raise Misread(f"'{text}' would mean exactly {text}", f"at most {text}?")


def _value(written: str, units: Sequence[Unit]) -> tuple[float, Unit]:
    """A number in the first of the units in which it can be read."""
    for unit in units:
        try:
            return _READERS[unit](written), unit
        except Misread:
            continue
    raise _unreadable(written, units)


def _unreadable(written: str, units: Sequence[Unit]) -> Misread:
    unit = units[0]
    if not written:
        return Misread("the bound has no value", f"write it like: {_example(unit)}")
    for other in _READERS:
        if other not in units and _reads(written, other):
            return Misread(f"'{written}' is {_NOUNS[other]}, and this is measured as {_NOUNS[unit]}", _like(unit))
    if is_number(written):  # the unit's own parser knows the nearest thing to say
        try:
            _READERS[unit](written)
        except Misread as misread:
            return misread
    return Misread(f"'{written}' is no bound", f"write it like: {_example(unit)}")


def _reads(written: str, unit: Unit) -> bool:
    try:
        _READERS[unit](written)
    except Misread:
        return False
    return not is_number(written)


def _like(unit: Unit) -> str:
    return f"write it like: {_example(unit)}"


def _milliseconds(written: str) -> float:
    return parse_duration(written) * 1000


def _no_number(written: str) -> float:
    raise Misread(f"'{written}' is no answer", "yes?")


_READERS: Final[dict[Unit, Callable[[str], float]]] = {
    "seconds": parse_duration,
    "milliseconds": _milliseconds,
    "ratio": parse_share,
    "count": parse_count,
    "per second": parse_rate,
    "yes/no": _no_number,
}
_NOUNS: Final[dict[Unit, str]] = {
    "seconds": "a duration",
    "milliseconds": "a duration",
    "ratio": "a percentage",
    "count": "a count",
    "per second": "a rate",
    "yes/no": "yes or no",
}
_EXAMPLES: Final[dict[Unit, str]] = {
    "seconds": "<= 9s",
    "milliseconds": "<= 50ms",
    "ratio": "<= 25%",
    "count": "at most 3",
    "per second": "at least 1000/s",
    "yes/no": "yes",
}


def _example(unit: Unit) -> str:
    return _EXAMPLES[unit]
