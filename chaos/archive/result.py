"""The result on disk: `result.json`, the one source of every report."""

from __future__ import annotations

from chaos.archive.run_directory import RunDirectory
from chaos.errors import Inconclusive
from chaos.model.result import RunResult


def write_result(directory: RunDirectory, result: RunResult) -> None:
    """Writes `result.json` in one step: a reader finds the old one or the new one, never half of it."""
    temporary = directory.result.with_suffix(".json.new")
    temporary.write_text(result.model_dump_json(by_alias=True, indent=2) + "\n", encoding="utf-8")
    temporary.replace(directory.result)


def read_result(directory: RunDirectory) -> RunResult:
    """The result of a run; raises Inconclusive if the run ended before it was judged."""
    try:
        text = directory.result.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise Inconclusive(f"run {directory.run_id} has no result: it ended before it was judged") from None
    return RunResult.model_validate_json(text)
