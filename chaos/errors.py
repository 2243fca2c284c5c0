"""Every error the harness raises on purpose, and the exit code each one ends with.

ChaosError                    5  the harness itself failed
├── UsageError                2  wrong usage; nothing was started
│   ├── UnknownName           2  a name no family knows
│   ├── Misread               2  a value that cannot be read as what it should be
│   └── ScenarioError         2  an invalid scenario: every mistake at once
├── EnvironmentLacks          3  this machine cannot do it; nothing is left behind
├── Inconclusive              4  the run cannot answer the question
├── UndoFailed                5  a fault could not be reverted; says how to undo it by hand
└── NodeCallFailed            5  the engine or a node refused or did not answer a call
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


class ChaosError(Exception):
    """The harness itself failed."""

    exit_code = 5


class UsageError(ChaosError):
    """A command was used in a way that cannot be carried out; nothing was started."""

    exit_code = 2


class UnknownName(UsageError):
    """A name that no member of a family bears; answers with the nearest and the list."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        self.kind, self.name, self.known = kind, name, tuple(known)
        super().__init__(f"unknown {kind} '{name}'; {nearest(name, self.known)}")


class Misread(UsageError, ValueError):
    """A value that cannot be read: what is wrong with it, and what would be right.

    It is a ValueError too, so that a pydantic model may use the parsers that raise it.
    """

    def __init__(self, wrong: str, right: str = "") -> None:
        self.wrong, self.right = wrong, right
        super().__init__(f"{wrong}; {right}" if right else wrong)


@dataclass(frozen=True, slots=True, order=True)
class Mistake:
    """One mistake in a scenario: where (1-based), what is wrong, what would be right."""

    file: str
    line: int
    column: int
    wrong: str
    right: str = ""

    def __str__(self) -> str:
        advice = f"; {self.right}" if self.right else ""
        return f"{self.file}:{self.line}:{self.column}: {self.wrong}{advice}"


class ScenarioError(UsageError):
    """A scenario with at least one mistake; carries all of them, in file order."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        self.mistakes = tuple(sorted(mistakes))
        super().__init__("\n".join(str(mistake) for mistake in self.mistakes))


class EnvironmentLacks(ChaosError):
    """The machine lacks something: no engine, no image, a capability, a free subnet."""

    exit_code = 3


class Inconclusive(ChaosError):
    """The run cannot answer: no steady state, no target, no samples."""

    exit_code = 4


class UndoFailed(ChaosError):
    """A fault could not be reverted; the message says how to undo it by hand."""


class NodeCallFailed(ChaosError):
    """An engine or a node refused a call, or did not answer it in time."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Advice for a wrong name: the nearest known one if any is near, else the list."""
    names = list(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if close:
        return f"did you mean '{close[0]}'?"
    return f"known: {', '.join(names)}" if names else "none is known"
