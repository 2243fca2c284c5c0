"""Durations, rates, shares, sizes and counts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from chaos.errors import Misread
from chaos.scenario.quantities import (
    Seconds,
    format_duration,
    parse_count,
    parse_duration,
    parse_rate,
    parse_share,
    parse_size,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("250ms", 0.25), ("5s", 5.0), ("1m30s", 90.0), ("1.5h", 5400.0), ("2h5m", 7500.0), ("0s", 0.0), ("10us", 1e-5)],
)
def test_durations_are_read_in_seconds(text: str, seconds: float) -> None:
    """A duration in any unit, or several units, is its number of seconds."""
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "s", "5 s", "5sec", "-5s", "30s1m", "5s5s", "1e3s", "٣s", "9" * 400 + "s", ".5s"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    """Anything but digits with known units, larger ones first, is refused."""
    with pytest.raises(Misread):
        parse_duration(text)


def test_a_bare_number_is_answered_with_its_unit() -> None:
    """A duration without a unit is refused with the likely one."""
    with pytest.raises(Misread, match="a duration needs a unit: '10'; 10s\\?"):
        parse_duration("10")


@given(st.floats(min_value=0, max_value=10**7).map(lambda seconds: round(seconds, 9)))
def test_a_formatted_duration_reads_back(seconds: float) -> None:
    """Formatting a duration and reading it again gives the same seconds."""
    assert parse_duration(format_duration(seconds)) == seconds


def test_a_duration_is_formatted_in_its_natural_units() -> None:
    """Parts of a second are milliseconds, and full minutes and hours are named."""
    assert [format_duration(seconds) for seconds in (0, 0.25, 1.5, 90, 3600, 3661)] == [
        "0s", "250ms", "1.5s", "1m30s", "1h", "1h1m1s",
    ]  # fmt: skip


def test_rates_are_per_second() -> None:
    """A rate per minute is a sixtieth of it per second."""
    assert (parse_rate("2000/s"), parse_rate("600/m")) == (2000.0, 10.0)


def test_shares_are_ratios() -> None:
    """A percentage is read as a ratio without rounding noise."""
    assert (parse_share("50%"), parse_share("99.9%"), parse_share("0%")) == (0.5, 0.999, 0.0)


@pytest.mark.parametrize(("text", "advice"), [("0.5", "50%?"), ("50", "50%?"), ("101%", "at most 100%")])
def test_a_share_that_is_none_is_answered_with_the_likely_one(text: str, advice: str) -> None:
    """A ratio or bare number where a percentage is meant is refused with what was probably meant."""
    with pytest.raises(Misread) as caught:
        parse_share(text)
    assert caught.value.right == advice


def test_sizes_know_thousands_from_1024() -> None:
    """kB is 1000 bytes, KiB is 1024."""
    assert [parse_size(text) for text in ("64B", "1kB", "1KiB", "1.5KiB")] == [64, 1000, 1024, 1536]


@pytest.mark.parametrize("text", ["64", "1.5B", "1kb", "-1B", "KiB"])
def test_what_is_no_size_is_refused(text: str) -> None:
    """A size needs whole bytes and a known unit."""
    with pytest.raises(Misread):
        parse_size(text)


@pytest.mark.parametrize("text", ["", "-1", "1.0", "1_000", "1e3", "many", "²"])
def test_a_count_is_plain_digits(text: str) -> None:
    """Anything but plain digits is no count."""
    with pytest.raises(Misread):
        parse_count(text)


def test_a_model_may_hold_seconds() -> None:
    """A fault option of type Seconds is written as a duration, and refused with the parser's own words."""

    class Options(BaseModel):
        grace: Seconds = 1.0

    assert Options.model_validate({"grace": "250ms"}).grace == 0.25
    with pytest.raises(ValidationError, match="a duration needs a unit"):
        Options.model_validate({"grace": "3"})
