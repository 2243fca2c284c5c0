"""Bounds: which values they hold for, how far inside, and what is no bound."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.errors import Inconclusive, Misread
from chaos.scenario.bounds import Bound, Unit, parse_bound
from chaos.scenario.quantities import format_duration


@pytest.mark.parametrize(
    ("text", "unit", "inside", "outside"),
    [
        ("<= 9s", "seconds", 9.0, 9.001),
        ("< 25%", "ratio", 0.2499, 0.25),
        (">= 9s", "seconds", 9.0, 8.999),
        ("0", "count", 0, 1),
        ("1", "count", 1, 2),
        ("at least 99.9%", "ratio", 0.999, 0.998),
        ("at most 3", "count", 3, 4),
        ("6s to 9s", "seconds", 6.0, 5.9),
        ("within 15s", "seconds", 15.0, 15.1),
        ("at least 1000/s", "per second", 1000.0, 999.0),
        ("<= 50ms", "milliseconds", 50.0, 51.0),
        ("0s", "seconds", 0.0, 0.1),
        ("100%", "ratio", 1.0, 0.999),
    ],
)
def test_a_bound_holds_inside_and_not_outside(text: str, unit: Unit, inside: float, outside: float) -> None:
    """Each kind of bound tells a value inside from one outside, in the check's own unit."""
    bound = parse_bound(text, [unit])
    assert bound.holds(inside)
    assert not bound.holds(outside)


def test_an_upper_bound_in_words_excludes_nothing_it_names() -> None:
    """`at most` and `<=` are the same interval."""
    words, signs = parse_bound("at most 9s", ["seconds"]), parse_bound("<=9s", ["seconds"])
    assert (words.low, words.high, words.high_excluded) == (signs.low, signs.high, signs.high_excluded)


@pytest.mark.parametrize(
    ("text", "value", "margin"),
    [
        ("<= 9s", 7.0, 2.0),
        ("<= 9s", 10.0, -1.0),
        ("6s to 9s", 8.5, 0.5),
        ("at least 5s", 7.0, 2.0),
        ("1s to 2s", 0.5, -0.5),
    ],
)
def test_the_margin_is_the_distance_to_the_nearest_edge(text: str, value: float, margin: float) -> None:
    """Inside, the margin is positive; outside, it says by how much the bound is missed."""
    assert parse_bound(text, ["seconds"]).margin(value) == margin


def test_a_count_may_be_bounded_as_a_share() -> None:
    """A check with a second unit takes whichever its bound is written in."""
    assert parse_bound("<= 1%", ["count", "ratio"]).unit == "ratio"
    assert parse_bound("at most 3", ["count", "ratio"]).unit == "count"


@pytest.mark.parametrize(("text", "statistic"), [("median <= 9s", "median"), ("p95 <= 9s", "p95"), ("<= 9s", "every")])
def test_a_bound_says_which_statistic_it_is_of(text: str, statistic: str) -> None:
    """`median` and `p95` bind the statistic over trials; without them every trial is bound."""
    assert parse_bound(text, ["seconds"]).statistic == statistic


def test_a_prediction_is_filled_in_later() -> None:
    """`within prediction` answers nothing until the predicted interval is known, and then holds inside it."""
    bound = parse_bound("within prediction", ["seconds"])
    with pytest.raises(Inconclusive):
        bound.holds(6.0)
    assert bound.predicted(5.5, 9.8).holds(6.0)
    assert not bound.predicted(5.5, 9.8).holds(10.0)


def test_yes_has_no_edges() -> None:
    """`yes` holds whenever there is a value at all, and has no margin."""
    bound = parse_bound("yes", ["seconds"], allow_yes=True)
    assert bound.holds(1e9)
    assert bound.margin(3.0) is None


@pytest.mark.parametrize(
    ("text", "unit", "wrong"),
    [
        ("9s", "seconds", "'9s' would mean exactly 9s; at most 9s?"),
        ("<= 9", "seconds", "a duration needs a unit: '9'; 9s?"),
        ("<= 5s", "count", "'5s' is a duration, and this is measured as a count; write it like: at most 3"),
        ("<= 25", "ratio", "a share needs a percent sign: '25'; 25%?"),
        ("9s to 6s", "seconds", "'9s to 6s' runs backwards; 6s to 9s?"),
        ("within 3", "count", "'within 3' is not a duration; at most 3?"),
        ("soon", "seconds", "'soon' is no bound; write it like: <= 9s"),
        ("", "seconds", "the bound has no value; write it like: <= 9s"),
        ("yes", "count", "'yes' is no bound of this check; write a limit, as in: at most 3"),
        ("within prediction", "count", "there is no prediction for this check; write a limit, as in: at most 3"),
        ("no worse than baseline by 10%", "seconds", "bounds against a baseline are not yet available"),
    ],
)
def test_what_is_no_bound_is_answered_with_what_would_be(text: str, unit: Unit, wrong: str) -> None:
    """A wrong bound says what is wrong with it and what would be right."""
    with pytest.raises(Misread) as caught:
        parse_bound(text, [unit])
    assert str(caught.value).startswith(wrong)


@given(
    st.sampled_from(["<=", "<", ">=", ">", "at least", "at most", "within", "median <=", "p95 at most"]),
    st.integers(0, 10**6).map(lambda milliseconds: milliseconds / 1000),
)
def test_a_bound_reads_back_from_its_own_text(comparison: str, seconds: float) -> None:
    """A bound's text is the bound again, and its edge is the duration that was written."""
    bound = parse_bound(f"{comparison}  {format_duration(seconds)}", ["seconds"])
    assert parse_bound(bound.text, ["seconds"]) == bound
    assert {bound.low, bound.high} == {None, seconds}


@given(st.text(max_size=30), st.sampled_from(["seconds", "milliseconds", "ratio", "count", "per second", "yes/no"]))
def test_any_text_is_a_bound_or_is_refused(text: str, unit: Unit) -> None:
    """Whatever is written, the answer is a bound with finite edges or a Misread."""
    try:
        bound = parse_bound(text, [unit])
    except Misread:
        return
    assert isinstance(bound, Bound)
    assert all(math.isfinite(edge) for edge in (bound.low, bound.high) if edge is not None)
