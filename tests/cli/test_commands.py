"""The small commands: report, schema, image, validate."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

from chaos.archive.result import write_result
from chaos.archive.run_directory import RunDirectory
from chaos.cli.catalogue import build_catalogue
from chaos.cli.main import exit_code_of
from chaos.model.result import RunResult
from chaos.scenario.schema import PATH, schema_text

CAPTURED = pytest.CaptureFixture[str]


def test_the_committed_schema_is_up_to_date() -> None:
    """The schema that the shipped scenarios name is what `chaos schema` prints."""
    assert PATH.read_text(encoding="utf-8") == schema_text(build_catalogue())


def test_the_schema_of_results(capsys: CAPTURED) -> None:
    """`chaos schema --result` prints a valid JSON Schema that knows the verdict."""
    assert exit_code_of(["schema", "--result"]) == 0
    schema = json.loads(capsys.readouterr().out)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert "verdict" in schema["properties"]


def test_a_report_of_a_run(tmp_path: Path, capsys: CAPTURED, make_result: Callable[[str], RunResult]) -> None:
    """The report begins with the verdict; in a pipe it has no colours."""
    write_result(RunDirectory.create(tmp_path, "20260101-run"), make_result("20260101-run"))
    assert exit_code_of(["report", "latest", "--reports", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert said.startswith("FAIL")
    assert "\x1b" not in said


def test_a_report_in_another_format(tmp_path: Path, capsys: CAPTURED, make_result: Callable[[str], RunResult]) -> None:
    """`--format json` prints the result itself."""
    write_result(RunDirectory.create(tmp_path, "20260101-run"), make_result("20260101-run"))
    assert exit_code_of(["report", "20260101-run", "--format", "json", "--reports", str(tmp_path)]) == 0
    assert RunResult.model_validate_json(capsys.readouterr().out) == make_result("20260101-run")


def test_a_report_of_no_run(tmp_path: Path, capsys: CAPTURED) -> None:
    """A run that is not there is wrong usage."""
    assert exit_code_of(["report", "nothing", "--reports", str(tmp_path)]) == 2
    assert "unknown run 'nothing'" in capsys.readouterr().err


def test_an_unknown_format(tmp_path: Path, capsys: CAPTURED) -> None:
    """A format that no report has is wrong usage."""
    assert exit_code_of(["report", "latest", "--format", "papyrus", "--reports", str(tmp_path)]) == 2
    assert "unknown report 'papyrus'" in capsys.readouterr().err


def test_a_report_of_a_run_without_a_result(tmp_path: Path, capsys: CAPTURED) -> None:
    """A run that ended before it was judged has no report: inconclusive."""
    RunDirectory.create(tmp_path, "20260101-dead")
    assert exit_code_of(["report", "latest", "--reports", str(tmp_path)]) == 4
    assert "20260101-dead has no result" in capsys.readouterr().err


@pytest.mark.engine
def test_an_image_from_the_binaries_of_this_machine(capsys: CAPTURED) -> None:
    """`chaos image build redis` makes an image and says its name and the server's version."""
    assert exit_code_of(["image", "build", "redis"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("made chaos/redis:")
    assert "server " in said


@pytest.mark.engine
def test_an_image_of_nothing_known(capsys: CAPTURED) -> None:
    """A server that cannot be built is wrong usage, with the list of those that can."""
    assert exit_code_of(["image", "build", "oracle"]) == 2
    assert "redis" in capsys.readouterr().err


def test_an_image_without_an_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: CAPTURED) -> None:
    """Without an engine nothing can be built: exit 3 in one line."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    assert exit_code_of(["image", "build", "redis"]) == 3
    assert len(capsys.readouterr().err.splitlines()) == 1


GOOD = """\
name: small
cluster: {system: redis-cluster, shards: 3, replicas: 1}
faults:
  - {name: death, at: 1s, for: 2s, kill: master of shard 3}
duration: 10s
"""


def test_valid_files(tmp_path: Path, capsys: CAPTURED) -> None:
    """Each valid file is said to be ok."""
    file = tmp_path / "good.yml"
    file.write_text(GOOD)
    assert exit_code_of(["validate", str(file)]) == 0
    assert capsys.readouterr().out == f"{file}: ok\n"


def test_mistakes_of_all_files(tmp_path: Path, capsys: CAPTURED) -> None:
    """A bad file does not hide the next: all mistakes of all files are said, and the end is 2."""
    good, bad, worse = (tmp_path / f"{name}.yml" for name in ("good", "bad", "worse"))
    good.write_text(GOOD)
    bad.write_text(GOOD.replace("shards: 3,", "shard: 3,").replace("duration: 10s", "duration: 10"))
    worse.write_text("name: [")
    assert exit_code_of(["validate", str(bad), str(good), str(worse)]) == 2
    said = capsys.readouterr()
    assert said.out == f"{good}: ok\n"
    assert sum(line.startswith(f"{bad}:") for line in said.err.splitlines()) >= 2
    assert f"{worse}:" in said.err


def test_the_schema_of_scenarios(capsys: CAPTURED) -> None:
    """`chaos schema` prints a JSON Schema that knows every fault."""
    from chaos.faults.fault import FAULTS

    assert exit_code_of(["schema"]) == 0
    said = capsys.readouterr().out
    jsonschema.Draft202012Validator.check_schema(json.loads(said))
    assert all(f'"{fault}"' in said for fault in FAULTS.names())
