"""The toy store does what a store should, and the wrong that it is told to do."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from chaos.cluster import Cluster
from chaos.drivers.memory import Memory
from chaos.errors import NodeCallFailed
from chaos.fake import store
from chaos.fake.config import HARNESS_OWN
from chaos.fake.world import Reach
from chaos.model.view import FAILED, HEALTHY, MASTER, REPLICA, SUSPECTED, Member, View
from tests.fake.clusters import toy_cluster, trouble
from tests.runner.toy_run import play

SHARD_1 = next(b"key:%d" % number for number in range(100) if store.shard_of(b"key:%d" % number, 3) == 1)
"""A key of the shard whose master is toy-1 and whose replica is toy-4."""
KILL_PAUSE_CUT = ["kill", "pause", "disconnect"]


def host(cluster: Cluster, node: str) -> str:
    return cluster.endpoint(node).host


def write(cluster: Cluster, node: str, value: bytes, key: bytes = SHARD_1) -> store.Reply:
    return store.write(host(cluster, node), key, value)


def seen(cluster: Cluster, by: str, node: str) -> Member:
    view = view_of(cluster, by)
    member = view.named(node)
    assert member is not None
    return member


def view_of(cluster: Cluster, node: str) -> View:
    view = store.look(host(cluster, node))
    assert view is not None
    return view


async def kill(cluster: Cluster, node: str, seconds: float) -> None:
    """Kills a node and lets time pass."""
    await trouble(cluster, "kill", node)
    await asyncio.sleep(seconds)


async def start(cluster: Cluster, node: str) -> None:
    assert isinstance(cluster.driver, Memory)
    cluster.replace(await cluster.driver.start(cluster.nodes[node]))


def test_a_write_is_on_master_and_replica() -> None:
    """What the master acknowledges, its linked replica holds too."""

    async def story() -> None:
        async with toy_cluster() as cluster:
            assert write(cluster, "toy-1", b"one").ok
            assert store.read(host(cluster, "toy-1"), SHARD_1).value == b"one"
            await kill(cluster, "toy-1", 2.0)
            assert store.read(host(cluster, "toy-4"), SHARD_1).value == b"one"

    play(story())


def test_the_wrong_server_names_the_right_one() -> None:
    """A replica, and a master of another shard, send a client to the shard's master."""

    async def story() -> None:
        async with toy_cluster() as cluster:
            for node in ("toy-4", "toy-2"):
                reply = write(cluster, node, b"one")
                assert (reply.error, reply.moved_to) == ("MOVED", host(cluster, "toy-1"))

    play(story())


@pytest.mark.parametrize("what", KILL_PAUSE_CUT)
def test_a_lost_master_is_succeeded(what: str) -> None:
    """A dead, frozen or cut-off master is suspected, then failed, then succeeded by its replica with a new epoch."""

    async def story() -> None:
        async with toy_cluster() as cluster:
            epoch = seen(cluster, "toy-4", "toy-1").epoch
            await trouble(cluster, what, "toy-1")
            health = []
            for seconds in (0.5, 0.6, 0.3):
                await asyncio.sleep(seconds)
                health.append(seen(cluster, "toy-4", "toy-1").health)
            assert health == [HEALTHY, SUSPECTED, FAILED]
            assert not write(cluster, "toy-4", b"early").ok
            await asyncio.sleep(0.2)
            new = seen(cluster, "toy-2", "toy-4")
            assert (new.role, new.slots, new.epoch > epoch) == (MASTER, ((0, 0),), True)
            assert write(cluster, "toy-4", b"late").ok

    play(story())


def test_a_deposed_master_follows_with_all_data() -> None:
    """A master that comes back after its successor's election follows it, and soon holds what it missed."""

    async def story() -> None:
        async with toy_cluster() as cluster:
            await kill(cluster, "toy-1", 2.0)
            assert write(cluster, "toy-4", b"missed").ok
            await start(cluster, "toy-1")
            view = view_of(cluster, "toy-1")
            assert (seen(cluster, "toy-1", "toy-1").role, view.link) == (REPLICA, "down")
            await asyncio.sleep(0.05)
            view_of(cluster, "toy-1")  # the copy begins when somebody looks
            await asyncio.sleep(2 * store.SYNC_SECONDS)
            assert view_of(cluster, "toy-1").link == "up"
            await kill(cluster, "toy-4", 2.0)
            assert store.read(host(cluster, "toy-1"), SHARD_1).value == b"missed"

    play(story())


def test_a_master_that_is_back_in_time_stays_one() -> None:
    """Within the node timeout nobody is promoted."""

    async def story() -> None:
        async with toy_cluster() as cluster:
            write(cluster, "toy-1", b"kept")
            await kill(cluster, "toy-1", 0.5)
            await start(cluster, "toy-1")
            await asyncio.sleep(5.0)
            assert seen(cluster, "toy-2", "toy-1").role == MASTER
            assert store.read(host(cluster, "toy-1"), SHARD_1).value == b"kept"

    play(story())


def test_a_minority_elects_nobody() -> None:
    """When most masters are gone at once, nobody can agree on a failure, and nobody is promoted."""

    async def story() -> None:
        async with toy_cluster() as cluster:
            await trouble(cluster, "kill", "toy-1")
            await kill(cluster, "toy-2", 10.0)
            assert [seen(cluster, "toy-3", node).role for node in ("toy-4", "toy-5")] == [REPLICA, REPLICA]
            assert seen(cluster, "toy-3", "toy-1").health == SUSPECTED

    play(story())


def test_a_shard_without_a_replica_is_down() -> None:
    """Where nobody can succeed, the cluster says so."""

    async def story() -> None:
        async with toy_cluster(replicas=0) as cluster:
            await kill(cluster, "toy-1", 5.0)
            assert view_of(cluster, "toy-2").state == "fail"

    play(story())


def test_the_log_tells_of_agreement_and_election() -> None:
    """A surviving master logs the agreed failure and the successor its election, at the instants of the rule."""

    async def story() -> None:
        async with toy_cluster() as cluster:
            await trouble(cluster, "kill", "toy-1")
            died = asyncio.get_running_loop().time()
            for _ in range(100):
                await asyncio.sleep(0.02)
                view_of(cluster, "toy-2")
            assert isinstance(cluster.driver, Memory)
            events = [
                event
                for name, node in cluster.nodes.items()
                for event in cluster.system.read_log(cluster.plan, name, await cluster.driver.logs(node), 0.0)
                if event.at > died
            ]
            told = {(event.node, event.kind, event.subject): event.at - died for event in events}
            assert told == pytest.approx(
                {("toy-2", "agreed", "toy-1"): 1.2, ("toy-4", "election won", "toy-4"): 1.5}, abs=0.001
            )

    play(story())


@pytest.mark.parametrize(
    ("config", "acknowledged", "kept"),
    [({}, [True] * 4, 4), ({"lose-writes": "2"}, [True] * 4, 2), ({"refuse-writes": "2"}, [True, False] * 2, 2)],
)
def test_writes_as_told(config: Mapping[str, str], acknowledged: list[bool], kept: int) -> None:
    """Every N-th write is kept, or acknowledged and forgotten, or refused, as the store is told."""

    async def story() -> None:
        async with toy_cluster(config) as cluster:
            keys = [key for key in (b"key:%d" % number for number in range(100)) if store.shard_of(key, 3) == 1][:4]
            assert [write(cluster, "toy-1", b"v", key).ok for key in keys] == acknowledged
            found = [store.read(host(cluster, "toy-1"), key).value for key in keys]
            assert found.count(b"v") == kept

    play(story())


def test_a_garbled_read() -> None:
    """Every N-th read answers with what nobody wrote."""

    async def story() -> None:
        async with toy_cluster({"garble-reads": "2"}) as cluster:
            write(cluster, "toy-1", b"one")
            values = [store.read(host(cluster, "toy-1"), SHARD_1).value for _ in range(2)]
            assert values == [b"one", b"nonsense"]

    play(story())


@pytest.mark.parametrize(("elections", "master"), [("one", "toy-4"), ("two", "toy-7"), ("none", "toy-1")])
def test_elections_as_told(elections: str, master: str) -> None:
    """A lost master is succeeded once, by two replicas one after the other, or never, as the store is told."""

    async def story() -> None:
        async with toy_cluster({"elections": elections}, replicas=2) as cluster:
            await trouble(cluster, "kill", "toy-1")
            for _ in range(100):
                await asyncio.sleep(0.05)
                view_of(cluster, "toy-2")
            masters = [member.node for member in view_of(cluster, "toy-2").members if member.slots == ((0, 0),)]
            assert masters == [master]

    play(story())


def test_a_kill_is_ignored_as_told() -> None:
    """A server that is told to ignores a kill."""

    async def story() -> None:
        async with toy_cluster({"ignore-kill": "yes"}) as cluster:
            await kill(cluster, "toy-1", 0.1)
            assert store.read(host(cluster, "toy-1"), SHARD_1).reach is Reach.ANSWERS

    play(story())


@pytest.mark.parametrize(("directive", "value"), [("lose-write", "2"), ("elections", "three"), ("node-timeout", "1s")])
def test_a_bad_directive_is_no_start(directive: str, value: str) -> None:
    """A server that is told what it does not understand ends at once, and names the directive."""

    async def story() -> None:
        with pytest.raises(NodeCallFailed, match=f"bad directive '{directive}'"):
            async with toy_cluster({directive: value}):
                pass

    play(story())


def test_who_a_server_is_cannot_be_configured() -> None:
    """A scenario may set what a server does, and not who it is."""
    assert set(HARNESS_OWN) == {"cluster", "name", "member-id", "role", "shard", "shards"}
