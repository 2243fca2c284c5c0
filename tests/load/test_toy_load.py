"""The load of the toy store does what it is ordered, and records it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy
import pytest

from chaos import clock
from chaos.cluster import Cluster
from chaos.errors import ChaosError
from chaos.load.load import LoadOrder, LoadTotals
from chaos.load.toy import ToyLoad
from chaos.model.evidence import Rows
from chaos.model.operation import OPERATION_FIELDS, Kind, LoadProgress, Outcome, RowDescription
from tests.fake.clusters import toy_cluster, trouble
from tests.runner.toy_run import play


def order(cluster: Cluster, folder: Path, rate: float | None = 100.0) -> LoadOrder:
    plan = cluster.plan
    places, slots = plan.site.places, plan.shard_slots
    return LoadOrder(
        run_directory=str(folder), nodes=places, shard_slots=slots, rate=rate, keys=50, seed=1, value_tag=plan.run_id
    )


def rows(folder: Path) -> Rows:
    return numpy.fromfile(folder / "operations.bin", dtype=numpy.dtype(list(OPERATION_FIELDS)))


async def driven(
    cluster: Cluster, folder: Path, seconds: float, rate: float | None = 100.0
) -> tuple[LoadTotals, list[LoadProgress]]:
    """What a load says after some seconds of traffic."""
    heard: list[LoadProgress] = []
    load = ToyLoad(heard.append, lambda error: None)
    await load.spawn()
    await load.order(order(cluster, folder, rate))
    await load.begin()
    await asyncio.sleep(seconds)
    return await load.stop(), heard


@pytest.mark.parametrize(("rate", "operations"), [(50.0, 100), (None, 200)])
def test_it_keeps_its_schedule(tmp_path: Path, rate: float | None, operations: int) -> None:
    """Every operation of an open schedule is made when it is intended; without a rate there are 100 a second."""

    async def story() -> None:
        async with toy_cluster() as cluster:
            totals, _ = await driven(cluster, tmp_path, 2.0 - 0.001, rate)
            recorded = rows(tmp_path)
            assert totals.operations == len(recorded) == operations
            assert numpy.allclose(recorded["sent"], recorded["intended"])
            assert set(recorded["outcome"]) == {Outcome.OK}

    play(story())


def test_its_rows_are_described(tmp_path: Path) -> None:
    """Beside the rows stands which node and which client they mean."""

    async def story() -> None:
        async with toy_cluster() as cluster:
            await driven(cluster, tmp_path, 1.0)
            description = RowDescription.model_validate_json((tmp_path / "operations.json").read_text("utf-8"))
            assert description.nodes == tuple(node.name for node in cluster.plan.nodes)
            assert [client.application_like for client in description.clients] == [False]

    play(story())


def test_it_reads_what_it_wrote(tmp_path: Path) -> None:
    """A read shows the sequence of the last write to its key."""

    async def story() -> None:
        async with toy_cluster() as cluster:
            await driven(cluster, tmp_path, 5.0)
            last: dict[int, int] = {}
            for row in rows(tmp_path):
                if row["kind"] == Kind.WRITE:
                    last[row["key"]] = row["write_sequence"]
                else:
                    assert row["read_sequence"] == last.get(row["key"], 0)

    play(story())


@pytest.mark.parametrize(
    ("what", "outcome"),
    [("kill", Outcome.FAILED), ("pause", Outcome.UNKNOWN), ("disconnect", Outcome.UNKNOWN)],
)
def test_an_outage_is_recorded_and_the_successor_found(tmp_path: Path, what: str, outcome: Outcome) -> None:
    """A dead master refuses, a silent one leaves its operations unknown, and after the election all is well again."""

    async def story() -> None:
        async with toy_cluster() as cluster:

            async def hurt() -> float:
                await asyncio.sleep(1.0)
                await trouble(cluster, what, "toy-1")
                return clock.now()

            hurting = asyncio.create_task(hurt())
            await driven(cluster, tmp_path, 5.0)
            at, recorded = hurting.result(), rows(tmp_path)
            hit = recorded[recorded["shard"] == 1]
            assert set(hit["outcome"][hit["sent"] < at]) == {Outcome.OK}
            assert outcome in set(hit["outcome"][(hit["sent"] > at) & (hit["sent"] < at + 1.4)])
            late = hit[hit["sent"] > at + 1.7]
            assert set(late["outcome"]) == {Outcome.OK}
            assert set(late["node"]) == {3}

    play(story())


def test_it_tells_of_its_progress(tmp_path: Path) -> None:
    """It says four times a second what it has done; the last word is the total."""

    async def story() -> None:
        async with toy_cluster() as cluster:
            totals, heard = await driven(cluster, tmp_path, 2.1)
            assert len(heard) == 8 + 1
            assert heard[-1] == totals.progress
            assert sum(totals.progress.requests.values()) == totals.operations

    play(story())


def test_an_answer_that_nobody_wrote_ends_it(tmp_path: Path) -> None:
    """A value that is no write of this run is told as the load's failure, once."""

    async def story() -> None:
        async with toy_cluster({"garble-reads": "5"}) as cluster:
            failures: list[ChaosError] = []
            load = ToyLoad(lambda progress: None, failures.append)
            await load.order(order(cluster, tmp_path))
            await load.begin()
            await asyncio.sleep(5.0)
            await load.kill()
            assert ["which nobody wrote" in str(failure) for failure in failures] == [True]

    play(story())


def test_it_can_be_ended_in_any_state(tmp_path: Path) -> None:
    """A load that was never ordered, or has ended, can be ended again; without an order it cannot begin."""

    async def story() -> None:
        async with toy_cluster() as cluster:
            load = ToyLoad(lambda progress: None, lambda error: None)
            await load.kill()
            with pytest.raises(ChaosError, match="no order"):
                await load.begin()
            await load.order(order(cluster, tmp_path))
            await load.begin()
            await load.kill()
            await load.kill()

    play(story())
