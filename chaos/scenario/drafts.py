"""Drafts: the parts of a scenario as far as they could be read, each with its place.

A part that could not be read is None, and whoever looks for contradictions says nothing about it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from chaos.scenario.document import Mark
from chaos.scenario.language import ClusterSpec, ExpectEntry, FaultEntry, LoadSpec
from chaos.scenario.targets import Target


@dataclass(frozen=True, slots=True)
class ClusterDraft:
    """What to build."""

    mark: Mark
    spec: ClusterSpec | None


@dataclass(frozen=True, slots=True)
class LoadDraft:
    """What traffic to drive."""

    mark: Mark
    spec: LoadSpec | None


@dataclass(frozen=True, slots=True)
class PlacedTarget:
    """One target expression and where it stands; the parts of a list stand apart."""

    mark: Mark
    target: Target


@dataclass(slots=True)
class FaultDraft:
    """One entry of `faults`."""

    mark: Mark
    name: str | None = None
    name_mark: Mark | None = None
    at: float | None = None
    at_mark: Mark | None = None
    hold: float | None = None
    fault: str | None = None
    target: Target | None = None
    target_parts: list[PlacedTarget] = field(default_factory=list)
    options: dict[str, Any] = field(default_factory=dict)

    def entry(self) -> FaultEntry:
        """The finished entry; only for a draft without mistakes."""
        return FaultEntry.model_validate(
            {
                "name": self.name,
                "at": self.at,
                "hold": self.hold,
                "fault": self.fault,
                "target": self.target,
                "options": self.options,
            }
        )


@dataclass(frozen=True, slots=True)
class ExpectDraft:
    """One bound of `expect`."""

    mark: Mark
    scope_mark: Mark
    entry: ExpectEntry
