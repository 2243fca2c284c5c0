"""The report seam: a rendering of a result. A report never decides."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from chaos.model.result import RunResult
from chaos.registry import Family

REPORTS: Family[Report] = Family("report", "chaos.reports")


class Report(ABC):
    """One format."""

    name: ClassVar[str]
    file_name: ClassVar[str | None]
    """The file it is kept in inside a run directory; None for one that is only printed."""

    def __init_subclass__(cls, *, name: str | None = None, **further: Any) -> None:
        super().__init_subclass__(**further)
        if name:
            cls.name = name
            REPORTS.register(name, cls)

    @abstractmethod
    def render(self, result: RunResult) -> str:
        """The whole report as text."""
