"""The world of a test: empty before and after."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chaos.fake.world import WORLD


@pytest.fixture(autouse=True)
def empty_world() -> Iterator[None]:
    """What one test leaves standing is not found by the next."""
    yield
    WORLD.machines.clear()
    WORLD.networks.clear()
