"""The plan of a Redis Cluster: complete, pure, and without a secret."""

from __future__ import annotations

import re
from typing import Any

import pytest

from chaos.model.view import MASTER, REPLICA
from chaos.systems.redis_cluster import DEFAULT_NODE_TIMEOUT_MS, RedisCluster
from chaos.systems.system import SECRET, SystemPlan, with_secret
from chaos.wire.cluster_nodes import Names, read_members
from chaos.wire.slots import SLOTS, key_slot, slot_table
from tests.systems.forming import SERVER, run_plan, site_of, spec_of

RUN = "20261123-1200-test"


def planned(*, secured: bool = False, run_id: str = RUN, **choices: Any) -> SystemPlan:
    spec = spec_of(**choices)
    nodes = spec.shards * (1 + spec.replicas)
    return RedisCluster().plan(spec, site_of(nodes), SERVER, secured=secured, run_id=run_id)


def config(plan: SystemPlan, node: int = 0) -> dict[str, list[str]]:
    """The directives in the redis.conf of one node."""
    lines = [line.split(" ", 1) for line in plan.nodes[node].files["/etc/chaos/redis.conf"].splitlines()]
    return {name: [value for other, value in lines if other == name] for name, _ in lines}


def test_the_same_scenario_gives_the_same_plan() -> None:
    """Planning twice gives equal plans: nothing is drawn, asked or looked up."""
    assert planned(config={"appendonly": "yes"}) == planned(config={"appendonly": "yes"})


def test_masters_come_first_then_replicas_in_shard_order() -> None:
    """redis-1 … S are the masters of shards 1 … S; the replicas follow, shard by shard, round after round."""
    plan = planned(shards=3, replicas=2)
    assert [(node.name, node.role, node.shard) for node in plan.nodes] == [
        *((f"redis-{shard}", MASTER, shard) for shard in (1, 2, 3)),
        *((f"redis-{3 + shard}", REPLICA, shard) for shard in (1, 2, 3)),
        *((f"redis-{6 + shard}", REPLICA, shard) for shard in (1, 2, 3)),
    ]


@pytest.mark.parametrize(("shards", "replicas"), [(3, 0), (3, 1), (5, 2)])
def test_all_slots_are_planned_once(shards: int, replicas: int) -> None:
    """Every slot belongs to one shard, and every node's nodes.conf gives each to one member."""
    plan = planned(shards=shards, replicas=replicas)
    assert 0 not in slot_table(dict(plan.shard_slots))
    for node in plan.nodes:
        members = read_members(node.files["/data/nodes.conf"], Names({}, {}), node.name)
        assert len(members) == len(plan.nodes)
        assert sum(member.slot_count for member in members) == SLOTS


def test_every_node_starts_knowing_itself_and_the_others() -> None:
    """A node's nodes.conf marks its own member, and all of them hold the same ids at the same addresses."""
    plan = planned()
    ids = {node.member_id for node in plan.nodes}
    assert len(ids) == 6
    assert all(re.fullmatch(r"[0-9a-f]{40}", member_id) for member_id in ids)
    for node in plan.nodes:
        text = node.files["/data/nodes.conf"]
        (own,) = [line for line in text.splitlines() if "myself" in line]
        assert own.startswith(f"{node.member_id} {node.place.host}:{node.place.port}@16379 ")
        assert {line.split()[0] for line in text.splitlines() if not line.startswith("vars")} == ids


def test_a_node_of_another_run_is_never_taken_for_ours() -> None:
    """Two runs give their nodes different ids."""
    first, second = ({node.member_id for node in planned(run_id=run).nodes} for run in ("run-a", "run-b"))
    assert first.isdisjoint(second)


def test_the_word_of_the_scenario_wins() -> None:
    """A directive of the scenario stands once in the file, with the scenario's value, and says whose it is."""
    plan = planned(config={"cluster-node-timeout": "5000", "appendonly": "yes"})
    assert config(plan)["cluster-node-timeout"] == ["5000"]
    origins = {setting.name: setting.origin for setting in plan.settings}
    assert origins["cluster-node-timeout"] == origins["appendonly"] == "scenario"
    assert origins["cluster-enabled"] == origins["port"] == "harness"


def test_a_list_repeats_its_directive() -> None:
    """A directive given as a list stands once for each of its values, in order, in file and settings."""
    values = ("normal 0 0 0", "replica 256mb 64mb 60")
    plan = planned(config={"client-output-buffer-limit": values})
    assert config(plan)["client-output-buffer-limit"] == list(values)
    settings = [setting.value for setting in plan.settings if setting.name == "client-output-buffer-limit"]
    assert settings == list(values)


def test_what_only_serves_forming_is_said_and_not_in_the_file() -> None:
    """A forming value is listed as such with the value that is set back, and stands in no redis.conf."""
    plan = planned()
    forming = {setting.name: setting for setting in plan.settings if setting.origin == "forming"}
    assert {name: setting.value for name, setting in forming.items()} == {
        "repl-diskless-sync-delay": "0",
        "repl-diskless-load": "on-empty-db",
    }
    assert "set back to 5" in forming["repl-diskless-sync-delay"].reason
    assert not [node for node in range(len(plan.nodes)) if forming.keys() & config(plan, node).keys()]


def test_the_scenarios_own_sync_delay_stays_in_the_file() -> None:
    """A directive that forming changes for a while keeps the scenario's value in the file."""
    plan = planned(config={"repl-diskless-sync-delay": "2"})
    assert config(plan)["repl-diskless-sync-delay"] == ["2"]


def test_a_password_stands_in_the_plan_as_a_placeholder() -> None:
    """A secured plan has the placeholder in both directives; its JSON and its settings hold no password."""
    plan = planned(secured=True)
    assert config(plan)["requirepass"] == config(plan)["masterauth"] == [f'"{SECRET}"']
    whole = run_plan(spec_of(), site_of(6), plan, RUN)
    filled = [with_secret(node, "open sesame") for node in whole.nodes]
    assert all('requirepass "open sesame"\n' in node.files["/etc/chaos/redis.conf"] for node in filled)
    assert all(SECRET not in text for node in filled for text in node.files.values())
    assert "open sesame" not in whole.model_dump_json()


def test_quotes_in_a_password_are_escaped() -> None:
    """A password with quotes, backslashes and spaces is one word of the file."""
    node = with_secret(planned(secured=True).nodes[0], 'a "b" \\c')
    assert 'masterauth "a \\"b\\" \\\\c"\n' in node.files["/etc/chaos/redis.conf"]


def test_an_empty_value_is_written_as_such() -> None:
    """`save: ""` becomes the directive's own form of nothing."""
    assert config(planned(config={"save": ""}))["save"] == ['""']


def test_without_a_password_nothing_is_filled_in() -> None:
    """An open plan has neither directive, and filling in no password leaves it as it is."""
    plan = planned()
    assert "requirepass" not in config(plan)
    assert with_secret(plan.nodes[0], None) is plan.nodes[0]


def test_the_command_starts_the_server_with_its_file() -> None:
    """Each node's command runs the server with the configuration that stands among its files."""
    for node in planned().nodes:
        assert node.command == ("redis-server", "/etc/chaos/redis.conf")
        assert node.command[1] in node.files


@pytest.mark.parametrize("shards", [3, 5, 16])
def test_each_canary_key_lives_in_its_shard(shards: int) -> None:
    """Each shard has one canary key, which hashes into its slots and which no load writes."""
    slots = planned(shards=shards, replicas=0).shard_slots
    table = slot_table(dict(slots))
    keys = RedisCluster().canary_keys(slots)
    assert {shard: table[key_slot(key.encode())] for shard, key in keys.items()} == {shard: shard for shard in slots}
    assert all(not key.startswith("key:") for key in keys.values())


@pytest.mark.parametrize(
    ("chosen", "seconds"), [({"cluster-node-timeout": "2000"}, 2.0), ({}, DEFAULT_NODE_TIMEOUT_MS / 1000)]
)
def test_the_prediction_reads_the_node_timeout(chosen: dict[str, str], seconds: float) -> None:
    """The envelope is NT + 0.5 s … 1.5 NT + 2.3 s, with the server's own 15 s where the scenario says nothing."""
    plan = run_plan(spec_of(), site_of(6), planned(config=chosen), RUN)
    predicted = RedisCluster().predict(plan, "7.0.15")
    assert predicted is not None
    assert (predicted.low, predicted.high) == pytest.approx((seconds + 0.5, 1.5 * seconds + 2.3))


def test_the_nodes_are_named_in_order() -> None:
    """Nodes are redis-1 … redis-N, N = shards × (1 + replicas)."""
    names = RedisCluster().node_names(spec_of(shards=5, replicas=2))
    assert names == tuple(f"redis-{number}" for number in range(1, 16))
