"""Errors: each has its exit code, and says the place, what is wrong and what would be right."""

from __future__ import annotations

import re

import pytest

from chaos import errors
from chaos.errors import (
    ChaosError,
    EnvironmentLacks,
    Inconclusive,
    Misread,
    Mistake,
    NodeCallFailed,
    ScenarioError,
    UndoFailed,
    UnknownName,
    UsageError,
    nearest,
)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ChaosError, 5),
        (UsageError, 2),
        (UnknownName, 2),
        (Misread, 2),
        (ScenarioError, 2),
        (EnvironmentLacks, 3),
        (Inconclusive, 4),
        (UndoFailed, 5),
        (NodeCallFailed, 5),
    ],
)
def test_each_error_has_its_exit_code(error: type[ChaosError], code: int) -> None:
    """The exit code of each error is the one that users and scripts rely on."""
    assert error.exit_code == code


def test_the_drawing_shows_every_error_with_its_code() -> None:
    """The tree at the top of the file names every error defined there, each with its exit code."""
    drawn = dict(re.findall(r"^[│├└─ ]*([A-Z]\w+) +(\d)", errors.__doc__ or "", re.MULTILINE))
    defined = {
        name: str(thing.exit_code)
        for name, thing in vars(errors).items()
        if isinstance(thing, type) and issubclass(thing, ChaosError)
    }
    assert drawn == defined


def test_mistakes_come_in_the_order_of_the_file() -> None:
    """A scenario error lists all its mistakes by line and column, one a line, in the usual form."""
    late = Mistake("a.yml", 20, 3, "too late")
    early = Mistake("a.yml", 3, 7, "unknown fault 'latancy'", "did you mean 'latency'?")
    assert str(ScenarioError([late, early])).splitlines() == [
        "a.yml:3:7: unknown fault 'latancy'; did you mean 'latency'?",
        "a.yml:20:3: too late",
    ]


def test_a_misread_value_is_a_value_error() -> None:
    """What a parser cannot read is a ValueError, so that a model's validator may raise it."""
    assert isinstance(Misread("not a duration: '5 sec'", "write 5s"), ValueError)
    assert str(Misread("not a duration: '5 sec'", "write 5s")) == "not a duration: '5 sec'; write 5s"


@pytest.mark.parametrize(
    ("name", "known", "advice"),
    [
        ("puase", ("kill", "pause"), "did you mean 'pause'?"),
        ("earthquake", ("kill", "pause"), "known: kill, pause"),
        ("kill", (), "none is known"),
    ],
)
def test_a_wrong_name_is_answered_with_the_nearest_or_the_list(name: str, known: tuple[str, ...], advice: str) -> None:
    """The nearest name is offered if any is near; else all are listed."""
    assert nearest(name, known) == advice
