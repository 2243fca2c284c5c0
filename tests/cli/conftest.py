"""A run's result, for the commands that read one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from chaos.model.result import RunResult


@pytest.fixture
def make_result() -> Callable[[str], RunResult]:
    """The smallest result of a failed run with the id given."""
    return _result


def _result(run_id: str) -> RunResult:
    return RunResult.model_validate(
        {
            "tool_version": "0.1.0",
            "run_id": run_id,
            "scenario": "master-kill",
            "driver": "docker",
            "engine": "Docker",
            "services": {},
            "seed": 1,
            "started_at": "2026-01-01T12:00:00.000+00:00",
            "duration_seconds": 61.4,
            "verdict": "fail",
            "reason": "",
            "build_seconds": None,
            "teardown_seconds": None,
            "phase_seconds": {},
            "trials": (),
            "summary": {},
            "expectations": (),
        }
    )
