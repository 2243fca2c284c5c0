"""The observer of the toy store sees what happens, and records it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy
import pytest

from chaos import clock
from chaos.archive.run_directory import RunDirectory
from chaos.archive.views import read_views
from chaos.cluster import Cluster
from chaos.drivers.memory import Memory
from chaos.errors import ChaosError
from chaos.model.evidence import Rows
from chaos.model.operation import BEAT_FIELDS, Outcome
from chaos.observe.observer import ObservedNode, ObserverOrder, ObserverTotals
from chaos.observe.toy import LOOK_SECONDS, ToyObserver
from tests.fake.clusters import toy_cluster, trouble
from tests.runner.toy_run import play

Seen = list[tuple[str, dict[str, Any]]]


def order(cluster: Cluster, folder: Path) -> ObserverOrder:
    nodes = tuple(
        ObservedNode(
            name=node.name,
            member_id=node.member_id,
            address=f"{node.place.host}:{node.place.port}",
            reach_host=node.place.reach_host,
            reach_port=node.place.reach_port,
            pid=cluster.nodes[node.name].pid,
        )
        for node in cluster.plan.nodes
    )
    slots = cluster.plan.shard_slots
    keys = cluster.system.canary_keys(slots)
    return ObserverOrder(run_directory=str(folder), protocol="toy", nodes=nodes, shard_slots=slots, canary_keys=keys)


@asynccontextmanager
async def observed(folder: Path) -> AsyncIterator[tuple[Cluster, Memory, ToyObserver, Seen]]:
    """A cluster that is watched from its first second to the end of the block."""
    seen: Seen = []
    async with toy_cluster() as cluster:
        assert isinstance(cluster.driver, Memory)
        observer = ToyObserver(lambda event, data: seen.append((event, data)), lambda error: None)
        await observer.spawn()
        await observer.start(order(cluster, folder))
        try:
            yield cluster, cluster.driver, observer, seen
        finally:
            await observer.end()


def beats(folder: Path) -> Rows:
    return numpy.fromfile(RunDirectory(folder).beats, dtype=numpy.dtype(list(BEAT_FIELDS)))


def told(seen: Seen, event: str) -> list[dict[str, Any]]:
    return [data for name, data in seen if name == event]


def test_undisturbed_beats_are_regular(tmp_path: Path) -> None:
    """Every shard is beaten once in each period, and every beat is acknowledged by its master."""

    async def story() -> ObserverTotals:
        async with observed(tmp_path) as (_, _, observer, _):
            await asyncio.sleep(2.0)
            return await observer.stop()

    totals, recorded = play(story()), beats(tmp_path)
    assert totals.beats == len(recorded)
    assert set(recorded["outcome"]) == {Outcome.OK}
    assert numpy.diff(recorded["sent"][recorded["shard"] == 1]) == pytest.approx(LOOK_SECONDS)
    assert [set(recorded["node"][recorded["shard"] == shard]) for shard in (1, 2, 3)] == [{0}, {1}, {2}]


def test_a_death_is_seen_from_all_sides(tmp_path: Path) -> None:
    """The end of the process, the silence, the outage, the suspicion and the promotion are told, each with its time."""

    async def story() -> tuple[Seen, float]:
        async with observed(tmp_path) as (cluster, driver, _, seen):
            await asyncio.sleep(1.0)
            await driver.kill(cluster.nodes["toy-1"], "KILL")
            died = clock.now()
            await asyncio.sleep(3.0)
            return seen, died

    seen, died = play(story())
    [ended], [silent] = told(seen, "process_ended"), told(seen, "silence_began")
    assert (ended["node"], silent["node"]) == ("toy-1", "toy-1")
    assert ended["after"] <= died <= ended["at"] <= died + LOOK_SECONDS
    assert silent["after"] <= died <= silent["at"] <= died + LOOK_SECONDS
    [down], [up] = told(seen, "shard_unavailable"), told(seen, "shard_available")
    assert (down["shard"], up["shard"], up["node"]) == (1, 1, "toy-4")
    assert up["seconds"] == pytest.approx(1.5, abs=2 * LOOK_SECONDS)
    assert {data["node"] for data in told(seen, "member_suspected")} == {"toy-1"}
    assert [(data["node"], data["shard"]) for data in told(seen, "promoted")] == [("toy-4", 1)]
    assert told(seen, "roles")[-1]["slots_served"] == 3


def test_views_change_only_when_they_differ(tmp_path: Path) -> None:
    """An undisturbed cluster's views are written once a node, the last look before each change stands beside it."""

    async def story() -> None:
        async with observed(tmp_path) as (cluster, driver, _, _):
            await asyncio.sleep(1.0)
            await driver.pause(cluster.nodes["toy-6"])
            await asyncio.sleep(0.5)

    play(story())
    changes = list(read_views(RunDirectory(tmp_path).views))
    assert [change.view.observer for change in changes] == [f"toy-{number}" for number in range(1, 7)] + ["toy-6"]
    assert not changes[-1].view.reachable
    assert changes[-1].at - changes[-1].after == pytest.approx(LOOK_SECONDS)


def test_a_node_that_came_back_is_watched_anew(tmp_path: Path) -> None:
    """The end of a node's second process is seen too, once it was told of it."""

    async def story() -> Seen:
        async with observed(tmp_path) as (cluster, driver, observer, seen):
            node = cluster.nodes["toy-6"]
            for _ in range(2):
                await driver.kill(node, "KILL")
                await asyncio.sleep(0.1)
                node = await driver.start(node)
                observer.watch(node.name, node.pid)
                await asyncio.sleep(0.1)
            return seen

    assert [data["node"] for data in told(play(story()), "process_ended")] == ["toy-6", "toy-6"]


def test_a_look_is_recorded_at_once(tmp_path: Path) -> None:
    """After a look the views stand as they are now, whenever the next one was due."""

    async def story() -> float:
        async with observed(tmp_path) as (cluster, driver, observer, _):
            await driver.pause(cluster.nodes["toy-6"])
            await observer.look()
            return clock.now()

    at = play(story())
    assert [change.at for change in read_views(RunDirectory(tmp_path).views) if not change.view.reachable] == [at]


def test_it_is_not_ready_while_a_shard_refuses(tmp_path: Path) -> None:
    """Watching does not begin as long as a shard acknowledges nothing: that is an error after a while."""

    async def story() -> None:
        async with toy_cluster({"refuse-writes": "1"}) as cluster:
            observer = ToyObserver(lambda event, data: None, lambda error: None)
            with pytest.raises(ChaosError, match="not every shard"):
                await observer.start(order(cluster, tmp_path))
            await observer.end()

    play(story())


def test_what_ends_the_watching_is_told(tmp_path: Path) -> None:
    """An observer that cannot go on says so once, and does not die in silence."""
    failures: list[ChaosError] = []

    def refuse(event: str, data: dict[str, Any]) -> None:
        if event == "process_ended":
            raise OSError("the disk is full")

    async def story() -> None:
        async with toy_cluster() as cluster:
            observer = ToyObserver(refuse, failures.append)
            await observer.start(order(cluster, tmp_path))
            await trouble(cluster, "kill", "toy-6")
            await asyncio.sleep(1.0)
            await observer.end()

    play(story())
    assert [str(failure) for failure in failures] == ["the observer failed: the disk is full"]


def test_it_can_be_ended_in_any_state(tmp_path: Path) -> None:
    """An observer that has no order, or has ended, can be ended again."""

    async def story() -> None:
        observer = ToyObserver(lambda event, data: None, lambda error: None)
        await observer.end()
        async with observed(tmp_path) as (_, _, started, _):
            await started.end()
            await started.end()

    play(story())
