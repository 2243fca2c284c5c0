"""The check seam: one measure of a trial, made from its facts. The bound is compared once, in judge.py."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

from chaos.analysis.facts import TrialFacts
from chaos.analysis.look import Look
from chaos.registry import Family
from chaos.scenario.bounds import Unit

CHECKS: Family[Check] = Family("check", "chaos.checks", not_members=("judge", "implicit"), joint="_")


@dataclass(frozen=True, slots=True)
class Measured:
    """What a check found in one trial."""

    value: float | None
    """In the unit asked for; None if nothing can be said, and `reason` says why."""
    reason: str = ""
    unended: bool = False
    """The value is a lower bound of something that had not ended: it fails every upper bound."""
    incomplete: bool = False
    """The value is a lower bound because something could not be looked at: it cannot pass an upper bound."""


class Check(ABC):
    """One measure. A member of the family is one file."""

    name: ClassVar[str]
    sentence: ClassVar[str]
    """What it measures, for the reference page."""
    unit: ClassVar[Unit]
    other_units: ClassVar[tuple[Unit, ...]] = ()
    """Units in which a bound may be written too."""
    scopes: ClassVar[tuple[str, ...]] = ("trial",)
    """The kinds of scope in which it means something."""
    needs_load: ClassVar[bool] = False
    awaited: ClassVar[bool] = False
    """True for a state that is waited for: `yes` is a bound too."""
    about_data: ClassVar[bool] = False
    """True for a safety check: it may fail even when a fault did not act as it should."""

    def __init_subclass__(cls, *, name: str | None = None, **further: Any) -> None:
        super().__init_subclass__(**further)
        if name:
            cls.name = name
            CHECKS.register(name, cls)

    @abstractmethod
    def measure(self, facts: TrialFacts, look: Look, unit: Unit) -> Measured:
        """The value in `unit` (the check's own or one of its others) where `look` says."""
