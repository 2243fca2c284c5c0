"""A Redis Cluster on a real engine: formed as planned, seen as it is, read to the last key."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from chaos.cluster import Cluster
from chaos.drivers.driver import Lifecycle, Networking, Pausing
from chaos.errors import EnvironmentLacks
from chaos.model.operation import FINAL_READ_FIELDS, NOT_READ, row_struct
from chaos.model.view import MASTER, REPLICA
from chaos.systems.redis_cluster import RedisCluster
from chaos.systems.system import Answer
from chaos.wire.slots import key_slot
from chaos.wire.stored import key_name, stored_value
from tests.systems.forming import formed, inside, spec_of, started

pytestmark = [pytest.mark.engine, pytest.mark.asyncio(loop_scope="module")]
PASSWORD = 'open "sesame" \\ now'


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cluster() -> AsyncIterator[Cluster]:
    """Three masters with a replica each, as most scenarios have them. Tests leave it as they found it."""
    async with formed(spec_of(config={"cluster-node-timeout": "30000"})) as made:
        yield made


async def every(cluster: Cluster, *words: str) -> set[str]:
    """What all nodes say to the same question, each distinct answer once."""
    return {await inside(cluster, node, *words) for node in cluster.nodes}


async def looks_formed(cluster: Cluster) -> None:
    """Every node says ok, has its planned role and shard, and every replica its link."""
    shards = {node.member_id: node.shard for node in cluster.plan.nodes}
    for view in await cluster.system.views(cluster):
        me, planned = view.itself, cluster.plan.node(view.observer)
        assert me is not None
        assert (view.state, me.role) == ("ok", planned.role)
        if planned.role == REPLICA:
            assert view.link == "up"
            assert me.follows is not None
            assert shards[me.follows] == planned.shard
        else:
            assert me.slots == cluster.plan.shard_slots[planned.shard or 0]


async def test_it_is_formed_as_planned(cluster: Cluster) -> None:
    """After forming every node says ok, with its role, its shard's slots and its link."""
    await looks_formed(cluster)


async def test_the_reference_tool_agrees(cluster: Cluster) -> None:
    """`redis-cli --cluster check`, run inside a node, finds all slots covered and nothing to complain of."""
    said = await inside(cluster, "redis-1", "--cluster", "check", "127.0.0.1:6379")
    assert "[OK] All nodes agree about slots configuration." in said
    assert "[OK] All 16384 slots covered." in said
    assert "[ERR]" not in said
    assert "[WARNING]" not in said


async def test_what_served_forming_is_set_back(cluster: Cluster) -> None:
    """Every node has the server's defaults again, and no file holds the forming values."""
    assert await every(cluster, "CONFIG", "GET", "repl-diskless-sync-delay") == {"repl-diskless-sync-delay\n5\n"}
    assert await every(cluster, "CONFIG", "GET", "repl-diskless-load") == {"repl-diskless-load\ndisabled\n"}
    for node in cluster.nodes:
        code, text = await cluster.execute(node, ("cat", "/etc/chaos/redis.conf"))
        assert code == 0
        assert "repl-diskless" not in text


async def test_no_two_masters_share_an_epoch(cluster: Cluster) -> None:
    """The masters' configuration epochs are distinct, so that no collision must be resolved later."""
    views = await cluster.system.views(cluster)
    epochs = [view.itself.epoch for view in views if view.itself and view.itself.role == MASTER]
    assert len(epochs) == len(set(epochs)) == 3


async def test_the_live_cluster_is_resolved(cluster: Cluster) -> None:
    """Roles and shards read from the live cluster are those of the plan."""
    live = await cluster.view()
    assert live.masters == {1: "redis-1", 2: "redis-2", 3: "redis-3"}
    assert live.replicas == {1: ("redis-4",), 2: ("redis-5",), 3: ("redis-6",)}
    assert live.live == set(cluster.nodes)


async def test_the_version_is_the_servers_own(cluster: Cluster) -> None:
    """The version is what the server inside the image says of itself."""
    said = await inside(cluster, "redis-1", "INFO", "server")
    assert f"redis_version:{await cluster.system.version(cluster)}\r" in said


async def test_a_replica_takes_writes_of_its_master(cluster: Cluster) -> None:
    """A key written to a master is on its replica: the links carry data."""
    await inside(cluster, "redis-1", "-c", "SET", "probe", "1")
    live = await cluster.view()
    shard = next(
        number for number, ((low, high),) in cluster.plan.shard_slots.items() if low <= key_slot(b"probe") <= high
    )
    assert await inside(cluster, str(live.masters[shard]), "WAIT", "1", "5000") == "1\n"
    await inside(cluster, "redis-1", "-c", "DEL", "probe")


async def test_final_reads_tell_every_key(cluster: Cluster) -> None:
    """Each key is read from its master: its sequence if this run wrote it, 0 if absent, unread if it is not ours."""
    run = cluster.plan.run_id.encode()
    await _write(cluster, 0, stored_value(41, run, 64))
    await _write(cluster, 1, stored_value(42, b"another-run", 64))
    await _write(cluster, 2, b"nonsense")
    rows = list(row_struct(FINAL_READ_FIELDS).iter_unpack(await cluster.system.final_reads(cluster, 1200)))
    assert sorted(key for key, _, _ in rows) == list(range(1200))
    found = {key: sequence for key, sequence, _ in rows}
    assert (found[0], found[1], found[2]) == (41, NOT_READ, NOT_READ)
    assert {found[key] for key in range(3, 1200)} == {0}
    assert {node for _, _, node in rows} == {0, 1, 2}
    for key in (0, 1, 2):
        await inside(cluster, "redis-1", "-c", "DEL", key_name(key).decode())


async def _write(cluster: Cluster, key: int, value: bytes) -> None:
    assert await inside(cluster, "redis-1", "-c", "SET", key_name(key).decode(), value.decode()) == "OK\n"


async def test_a_healthy_node_answers(cluster: Cluster) -> None:
    """A stranger's question to a node that serves is answered, from outside and from within."""
    assert await cluster.ask("redis-4") is Answer.ANSWERS
    assert await cluster.system.ask_inside(cluster, cluster.nodes["redis-4"])


async def test_a_paused_node_is_silent(cluster: Cluster) -> None:
    """A frozen node accepts the question and says nothing; its view is unreachable; resumed it answers."""
    node, pausing = cluster.nodes["redis-4"], cluster.can(Pausing)
    await pausing.pause(node)
    try:
        assert await cluster.ask("redis-4") is Answer.SILENT
        view = next(view for view in await cluster.system.views(cluster) if view.observer == "redis-4")
        assert not view.reachable
    finally:
        await pausing.resume(node)
    assert await cluster.ask("redis-4") is Answer.ANSWERS


async def test_a_disconnected_node_is_out_of_reach_and_alive(cluster: Cluster) -> None:
    """A node off its network cannot be reached from outside; asked from within, it answers."""
    node, networking = cluster.nodes["redis-4"], cluster.can(Networking)
    await networking.disconnect(node)
    try:
        assert await cluster.ask("redis-4") is Answer.UNREACHABLE
        assert await cluster.system.ask_inside(cluster, node)
    finally:
        await networking.connect(node)


async def test_with_a_password_it_forms_and_answers_only_who_knows_it() -> None:
    """A secured cluster forms; a question without the password is refused; the plan's JSON does not hold it."""
    async with formed(spec_of(), PASSWORD) as cluster:
        await looks_formed(cluster)
        assert "NOAUTH" in await inside(cluster, "redis-1", "GET", "k")
        assert await inside(cluster, "redis-1", "--no-auth-warning", "-a", PASSWORD, "PING") == "PONG\n"
        assert await cluster.system.ask_inside(cluster, cluster.nodes["redis-1"])
        assert "sesame" not in cluster.plan.model_dump_json()


async def test_without_replicas_it_forms() -> None:
    """Three masters and nobody else are a formed cluster."""
    async with formed(spec_of(replicas=0)) as cluster:
        await looks_formed(cluster)
        assert (await cluster.view()).replicas == {1: (), 2: (), 3: ()}


async def test_many_shards_with_two_replicas_form() -> None:
    """Five shards of three nodes form, each replica with the master of its shard."""
    async with formed(spec_of(shards=5, replicas=2)) as cluster:
        await looks_formed(cluster)
        said = await inside(cluster, "redis-15", "--cluster", "check", "127.0.0.1:6379")
        assert "[OK] All 16384 slots covered." in said
        assert {len(replicas) for replicas in (await cluster.view()).replicas.values()} == {2}


async def test_through_published_ports_it_forms_too() -> None:
    """Where nodes are reached through published ports, the cluster forms, with its own addresses inside."""
    async with formed(spec_of(reach="ports")) as cluster:
        await looks_formed(cluster)
        assert cluster.plan.site.reach == "ports"
        assert cluster.endpoint("redis-1").host == "127.0.0.1"


async def test_the_scenarios_own_sync_delay_is_what_is_set_back() -> None:
    """A scenario's own value of what forming changes holds on every node afterwards."""
    async with formed(spec_of(replicas=1, config={"repl-diskless-sync-delay": "2"})) as cluster:
        assert await every(cluster, "CONFIG", "GET", "repl-diskless-sync-delay") == {"repl-diskless-sync-delay\n2\n"}


async def test_a_cluster_that_cannot_form_says_what_is_missing() -> None:
    """With a dead node, forming ends within its time-out and names the node that did not answer."""
    async with started(spec_of(replicas=0)) as cluster:
        await cluster.can(Lifecycle).kill(cluster.nodes["redis-2"], "KILL")
        with pytest.raises(EnvironmentLacks, match=r"did not form within 1 s: .*redis-2") as lacks:
            await cluster.system.form(cluster, 1.0)
        assert "redis-1 " not in str(lacks.value)


async def test_a_wrong_password_is_said_at_once() -> None:
    """If nodes do not take the password, forming ends with their own words and does not wait for its time-out."""
    async with started(spec_of(replicas=0), "the right one") as cluster:
        wrong = Cluster(cluster.driver, RedisCluster(), cluster.plan, list(cluster.nodes.values()), "a wrong one")
        try:
            with pytest.raises(EnvironmentLacks, match="refuses the password"):
                await wrong.system.form(wrong, 600.0)
        finally:
            await wrong.system.close()
