"""json: the result itself, the one source of every report."""

from __future__ import annotations

from chaos.model.result import RunResult
from chaos.reports.report import Report


class Json(Report, name="json"):
    """Exactly what `result.json` holds."""

    file_name = "result.json"

    def render(self, result: RunResult) -> str:
        return result.model_dump_json(by_alias=True, indent=2) + "\n"
