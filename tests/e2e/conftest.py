"""What real runs need: an engine with an image, if any of them is to run on one, and a folder for their reports."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.harness import chaos


@pytest.fixture(scope="session", autouse=True)
def image(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> None:
    """An image of this machine's own redis-server; a run that needs the engine fails here if there is none."""
    if not any(item.get_closest_marker("engine") for item in request.session.items):
        return
    built = chaos("image", "build", "redis", reports=tmp_path_factory.mktemp("reports"))
    assert built.code == 0, f"the tests need a Docker engine and a redis-server (.ci/engine): {built.errors}"


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    """A folder of this test's own runs."""
    return tmp_path / "reports"
