"""Forming under watch: a node that dies is named at once, with its last words."""

from __future__ import annotations

import pytest

from chaos.drivers.driver import Lifecycle
from chaos.errors import EnvironmentLacks
from chaos.runner.forming import form
from tests.systems.forming import spec_of, started

pytestmark = pytest.mark.engine


async def test_a_node_that_dies_ends_the_forming_with_its_last_words() -> None:
    """A dead node is named with what it said last, long before the time-out; the living are not."""
    async with started(spec_of(replicas=0)) as cluster:
        await cluster.can(Lifecycle).kill(cluster.nodes["redis-2"], "TERM")
        with pytest.raises(EnvironmentLacks, match=r"redis-2 ended; redis-2 said last: .*bye bye") as lacks:
            await form(cluster, 600.0)
        assert "redis-1" not in str(lacks.value)


async def test_a_cluster_whose_nodes_live_is_formed() -> None:
    """Without a death the cluster is formed as its system does it."""
    async with started(spec_of(replicas=0)) as cluster:
        await form(cluster, 30.0)
        assert (await cluster.view()).masters == {1: "redis-1", 2: "redis-2", 3: "redis-3"}


async def test_a_living_cluster_that_does_not_form_says_what_is_missing() -> None:
    """If every process runs and the cluster still does not form in time, the system's own reason is given."""
    async with started(spec_of(replicas=0)) as cluster:
        with pytest.raises(EnvironmentLacks, match=r"did not form within 0\.001 s"):
            await form(cluster, 0.001)
