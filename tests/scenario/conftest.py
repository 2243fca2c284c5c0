"""The fake catalogue, and ways to read a scenario from a text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from chaos.errors import ScenarioError
from chaos.scenario.catalogue import Catalogue
from chaos.scenario.language import Scenario
from chaos.scenario.reader import read_scenario
from tests.scenario.fake_catalogue import make_catalogue


@pytest.fixture
def catalogue() -> Catalogue:
    return make_catalogue()


@pytest.fixture
def read(tmp_path: Path, catalogue: Catalogue) -> Callable[..., Scenario]:
    """Reads a scenario from its text, with overrides behind it."""

    def read_text(text: str, *overrides: str) -> Scenario:
        path = tmp_path / "case.yml"
        path.write_text(text, encoding="utf-8")
        return read_scenario(path, catalogue, overrides)

    return read_text


@pytest.fixture
def mistakes(read: Callable[..., Scenario]) -> Callable[..., list[str]]:
    """The mistakes found in a text, each as `line:column: wrong; right`."""

    def read_wrong(text: str, *overrides: str) -> list[str]:
        with pytest.raises(ScenarioError) as caught:
            read(text, *overrides)
        return [str(mistake).partition("case.yml:")[2] or str(mistake) for mistake in caught.value.mistakes]

    return read_wrong
