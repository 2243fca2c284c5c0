"""What every real run needs: an engine with an image, and a folder for its reports."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.harness import chaos


@pytest.fixture(scope="session", autouse=True)
def image(tmp_path_factory: pytest.TempPathFactory) -> None:
    """An image of this machine's own redis-server; a run that needs the engine fails here if there is none."""
    built = chaos("image", "build", "redis", reports=tmp_path_factory.mktemp("reports"))
    assert built.code == 0, f"the tests need a Docker engine and a redis-server (.ci/engine): {built.errors}"


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    """A folder of this test's own runs."""
    return tmp_path / "reports"
