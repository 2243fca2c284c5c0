"""The script that provides an engine for the tests never takes another process for its own."""

from __future__ import annotations

import os
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[2] / ".ci" / "engine"


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script as a module, with its own pid file in a folder of the test."""
    spec = spec_from_loader("engine_script", SourceFileLoader("engine_script", str(SCRIPT)))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "OWN_PID", tmp_path / "own.pid")
    return module


def test_a_pid_that_was_given_to_another_program_is_not_ours(script: ModuleType, tmp_path: Path) -> None:
    """A pid file that names a living process of another program names nobody."""
    (tmp_path / "own.pid").write_text(str(os.getpid()))
    assert script.process_of(tmp_path / "own.pid", "dockerd") is None


def test_a_pid_file_of_a_dead_process_names_nobody(script: ModuleType, tmp_path: Path) -> None:
    """A pid file whose process is gone, or that is no number, names nobody."""
    for text in ("4194305", "", "none"):
        (tmp_path / "own.pid").write_text(text)
        assert script.process_of(tmp_path / "own.pid", "dockerd") is None


def test_stopping_leaves_an_engine_that_it_did_not_start(
    script: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without an engine of its own, or with a stale pid file, `--stop` ends nothing and succeeds."""
    (tmp_path / "own.pid").write_text(str(os.getpid()))
    assert script.main(["--stop"]) == 0
    assert capsys.readouterr().out == "engine: none of ours runs\n"


def test_an_unknown_option_is_wrong_usage(script: ModuleType) -> None:
    """Anything but `--stop` is answered with the usage and exit code 2."""
    assert script.main(["--restart"]) == 2
