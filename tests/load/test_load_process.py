"""The load as a whole: the real child process, real Locust, real servers."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from chaos.errors import ChaosError
from chaos.model.operation import ERROR_CLASSES, ERROR_CODE, NOT_READ, NOWHERE, Kind, Outcome, RowDescription
from chaos.wire.slots import key_slot
from chaos.wire.stored import key_name, stored_sequence
from tests.load.load_run import LoadRun, Rows, order_for
from tests.load.redis_servers import RedisServers, ask


async def test_rows_locust_and_servers_agree(servers: RedisServers, run: LoadRun) -> None:
    """Recorded rows, Locust's own statistics and the servers' command counters are equal to the operation."""
    await run.start(servers, rate=1000)
    await run.further(operations=1500)
    totals, rows = await run.stop()
    reads, writes = (int((rows["kind"] == kind).sum()) for kind in (Kind.READ, Kind.WRITE))
    locust = {name: count.requests for name, count in totals.locust.items()}
    assert locust == {"redis GET": reads, "redis SET": writes, "redis-py SET": len(run.rows(client=1))}
    assert (servers.calls("get"), servers.calls("set")) == (reads, writes + totals.application_operations)
    assert sum(totals.progress.requests.values()) == totals.operations == len(rows)


async def test_every_write_has_its_own_sequence(servers: RedisServers, run: LoadRun) -> None:
    """Writes are numbered 1, 2, 3 … without a gap or a repetition."""
    await run.start(servers, rate=1000)
    await run.further(operations=500)
    _, rows = await run.stop()
    sequences = np.sort(rows["write_sequence"][rows["kind"] == Kind.WRITE])
    assert sequences.tolist() == list(range(1, len(sequences) + 1))


async def test_the_last_acknowledged_write_is_what_servers_hold(servers: RedisServers, run: LoadRun) -> None:
    """After a load without faults each key holds the highest sequence that was acknowledged for it."""
    await run.start(servers, rate=1000, keys=50, value_size=100)
    await run.further(operations=500)
    _, rows = await run.stop()
    writes = rows[rows["kind"] == Kind.WRITE]
    port_of_shard = {number: place.port for number, place in enumerate(servers.places, start=1)}
    for key in np.unique(writes["key"]):
        of_key = writes[writes["key"] == key]
        value = ask(port_of_shard[int(of_key["shard"][0])], "GET", f"key:{key}")
        assert len(value) == 100
        assert stored_sequence(value, b"20260101-run") == of_key["write_sequence"].max()


async def test_the_open_schedule_is_exact(servers: RedisServers, run: LoadRun) -> None:
    """Operation i of an open schedule is recorded with the intended time start + i / rate, for every i."""
    await run.start(servers, rate=700, users=13)
    await run.further(operations=500)
    totals, rows = await run.stop()
    assert totals.schedule_start is not None
    expected = totals.schedule_start + np.arange(len(rows)) / 700
    assert np.array_equal(np.sort(rows["intended"]), expected)


async def test_shards_and_nodes_are_recorded(servers: RedisServers, run: LoadRun) -> None:
    """Each row names the shard its key lives in and the node that answered."""
    await run.start(servers, rate=1000)
    await run.further(operations=300)
    _, rows = await run.stop()
    description = RowDescription.model_validate_json((run.directory / "operations.json").read_text())
    for row in rows[:200]:
        slot = key_slot(key_name(int(row["key"])))
        ((first, last),) = servers.shard_slots[int(row["shard"])]
        assert first <= slot <= last
        assert description.nodes[row["node"]] == f"redis-{row['shard']}"


async def test_a_frozen_master_is_seen_and_the_others_go_on(servers: RedisServers, run: LoadRun) -> None:
    """While one master is frozen its operations time out as unknown, and no other shard loses one."""
    await run.start(servers, rate=1000, timeout=0.3)
    await run.further(operations=500)
    servers.signal("redis-2", signal.SIGSTOP)
    await asyncio.sleep(1.0)  # the length of the freeze
    servers.signal("redis-2", signal.SIGCONT)
    await run.further(operations=1000)
    _, rows = await run.stop()
    frozen, others = rows[rows["shard"] == 2], rows[rows["shard"] != 2]
    assert set(others["outcome"]) == {Outcome.OK}
    assert set(frozen["outcome"]) <= {Outcome.OK, Outcome.UNKNOWN, Outcome.NOT_SENT}
    unknown = frozen[frozen["outcome"] == Outcome.UNKNOWN]
    assert len(unknown) > 100
    assert {ERROR_CLASSES[code] for code in np.unique(unknown["error"])} == {"timeout"}
    assert np.allclose(unknown["completed"] - unknown["sent"], 0.3)
    assert frozen[np.argmax(frozen["intended"])]["outcome"] == Outcome.OK


async def test_the_freeze_stands_in_the_corrected_latencies(servers: RedisServers, run: LoadRun) -> None:
    """An open schedule shows a freeze of one second in its p99, as its arithmetic says."""
    await run.start(servers, rate=500, timeout=5.0)
    servers.signal("redis-1", signal.SIGSTOP)
    await asyncio.sleep(1.0)  # the length of the freeze
    servers.signal("redis-1", signal.SIGCONT)
    await run.further(operations=500)
    _, rows = await run.stop()
    assert set(rows["outcome"]) == {Outcome.OK}
    assert np.percentile(rows["completed"] - rows["intended"], 99) > 0.5


async def test_a_silent_node_gets_a_new_connection(servers: RedisServers, run: LoadRun) -> None:
    """A node that is silent for long loses its connection, and is served on a new one when it speaks again."""
    await run.start(servers, rate=500, timeout=0.2)
    servers.signal("redis-1", signal.SIGSTOP)
    await run.until(lambda: bool(run.progress) and "connection lost" in run.progress[-1].errors)
    servers.signal("redis-1", signal.SIGCONT)
    await run.further(operations=500)
    _, rows = await run.stop()
    silent = rows[rows["shard"] == 1]
    assert silent[np.argmax(silent["intended"])]["outcome"] == Outcome.OK


async def test_a_peer_that_takes_no_more_bytes(servers: RedisServers, run: LoadRun) -> None:
    """When a frozen node's buffers are full, operations wait their turn and arrive whole once it wakes."""
    await run.start(servers, rate=300, writes=1.0, keys=20, value_size=200_000, timeout=10.0)
    servers.signal("redis-1", signal.SIGSTOP)
    await asyncio.sleep(1.0)  # the length of the freeze: 20 MB for this node, more than any buffer here
    servers.signal("redis-1", signal.SIGCONT)
    await run.further(operations=100)
    _, rows = await run.stop()
    assert set(rows["outcome"]) == {Outcome.OK}
    frozen = rows[rows["shard"] == 1]
    last = frozen[np.argmax(frozen["write_sequence"])]
    value = ask(servers.port("redis-1"), "GET", f"key:{last['key']}")
    assert (len(value), stored_sequence(value, b"20260101-run")) == (200_000, last["write_sequence"])


async def test_no_more_than_max_in_flight_are_sent(servers: RedisServers, run: LoadRun) -> None:
    """With max_in_flight operations on their way to a frozen master, further ones are not sent at all."""
    await run.start(servers, rate=500, timeout=5.0, max_in_flight=10)
    servers.signal("redis-1", signal.SIGSTOP)
    await run.until(lambda: run.progress[-1].requests["read not_sent"] > 10 if run.progress else False)
    servers.signal("redis-1", signal.SIGCONT)
    _, rows = await run.stop()
    held_back = rows[rows["outcome"] == Outcome.NOT_SENT]
    assert np.isnan(held_back["sent"]).all()
    assert set(held_back["error"]) == {ERROR_CODE["not sent"]}
    assert _most_at_once(rows[rows["outcome"] == Outcome.OK]) <= 10


async def test_a_killed_master(make_servers: Callable[..., RedisServers], run: LoadRun) -> None:
    """After a master's death its operations fail as refused, those on their way are unknown, other shards go on."""
    servers = make_servers()
    await run.start(servers, rate=1000)
    await run.further(operations=300)
    servers.kill("redis-3")
    await run.further(operations=1000)
    _, rows = await run.stop()
    dead, others = rows[rows["shard"] == 3], rows[rows["shard"] != 3]
    errors = {ERROR_CLASSES[code] for code in np.unique(dead["error"])}
    refused = dead[dead["error"] == ERROR_CODE["connection refused"]]
    assert set(others["outcome"]) == {Outcome.OK}
    assert errors <= {"", "connection refused", "connection lost", "CLUSTERDOWN"}
    assert len(refused) > 50
    assert set(refused["outcome"]) == {Outcome.FAILED}
    assert set(refused["node"]) == {NOWHERE}


async def test_a_failover_is_followed(make_servers: Callable[..., RedisServers], run: LoadRun) -> None:
    """After a master's death both clients find its promoted replica, and writes are acknowledged there."""
    servers = make_servers(replicas=1, cluster_node_timeout="1000")
    await run.start(servers, rate=500)
    await run.further(operations=100)
    servers.kill("redis-3")
    await run.until(lambda: _acknowledged_by(run, "redis-6") > 100 and _last_application_outcome(run, 3) == Outcome.OK)
    _, rows = await run.stop()
    of_shard = rows[(rows["shard"] == 3) & (rows["outcome"] == Outcome.OK)]
    changes = np.flatnonzero(np.diff(of_shard[np.argsort(of_shard["completed"])]["node"].astype(int)))
    assert {servers.places[node].node for node in np.unique(of_shard["node"])} == {"redis-3", "redis-6"}
    assert len(changes) == 1


async def test_a_moved_operation_is_sent_once_more(make_servers: Callable[..., RedisServers], run: LoadRun) -> None:
    """When a slot changes its owner, redirected operations succeed at the new one and are counted as such."""
    servers = make_servers(masters=2)
    slot = key_slot(b"key:0")
    old, new = sorted(servers.places, key=lambda place: place.node != f"redis-{1 if slot < 8192 else 2}")
    await run.start(servers, rate=200, writes=0.0, keys=1, application_clients=0)
    await run.further(operations=50)
    owner = ask(new.port, "CLUSTER", "MYID").decode()
    for place in (new, old):
        assert ask(place.port, "CLUSTER", "SETSLOT", slot, "NODE", owner) == b"OK"
    await run.further(operations=100)
    totals, rows = await run.stop()
    assert totals.redirected >= 1
    assert set(rows["outcome"]) == {Outcome.OK}
    assert {servers.places[node].node for node in np.unique(rows["node"])} == {old.node, new.node}


async def test_a_closed_loop_has_one_operation_a_user(servers: RedisServers, run: LoadRun) -> None:
    """Without a rate each user sends its next operation when its last has ended."""
    await run.start(servers, rate=None, users=5)
    await run.further(operations=2000)
    totals, rows = await run.stop()
    assert totals.schedule_start is None
    assert _most_at_once(rows) <= 5
    assert set(rows["outcome"]) == {Outcome.OK}


async def test_unique_keys_are_written_once(servers: RedisServers, run: LoadRun) -> None:
    """With keys `unique` no key is written twice, and the totals say how many there are."""
    await run.start(servers, rate=1000, keys="unique")
    await run.further(operations=500)
    totals, rows = await run.stop()
    written = rows["key"][rows["kind"] == Kind.WRITE]
    assert len(np.unique(written)) == len(written) == totals.keys
    assert rows["key"].max() == totals.keys - 1


async def test_another_runs_value_is_a_wrong_value(servers: RedisServers, run: LoadRun) -> None:
    """A read that finds a value which this run did not write fails, with that reason."""
    port = next(
        place.port
        for place, ((first, last),) in zip(servers.places, servers.shard_slots.values(), strict=True)
        if first <= key_slot(b"key:0") <= last
    )
    ask(port, "SET", "key:0", "12:other-run:xxx")
    await run.start(servers, rate=200, keys=1, writes=0.0)
    await run.further(operations=20)
    _, rows = await run.stop()
    assert set(rows["outcome"]) == {Outcome.FAILED}
    assert set(rows["error"]) == {ERROR_CODE["wrong value"]}
    assert set(rows["read_sequence"]) == {NOT_READ}


async def test_operations_carry_their_trial(servers: RedisServers, run: LoadRun) -> None:
    """Operations before the change of trial are stamped 1, those after it with the new number."""
    await run.start(servers, rate=500)
    await run.further(operations=100)
    await run.load.trial(2)
    await run.further(operations=200)
    _, rows = await run.stop()
    in_order = rows[np.argsort(rows["intended"])]["trial"].tolist()
    assert set(in_order) == {1, 2}
    assert in_order == sorted(in_order)


async def test_the_application_like_client_is_recorded_apart(servers: RedisServers, run: LoadRun) -> None:
    """One application-like client a shard writes through redis-py and is recorded as a client of its own."""
    await run.start(servers, rate=100)
    await run.until(lambda: len(set(run.rows(client=1)["shard"])) == 3)
    await run.stop()
    description = RowDescription.model_validate_json((run.directory / "operations.json").read_text())
    assert [client.application_like for client in description.clients] == [False, True]
    assert set(run.rows(client=1)["outcome"]) == {Outcome.OK}


async def test_announced_addresses_are_mapped(make_servers: Callable[..., RedisServers], run: LoadRun) -> None:
    """Both clients work where the cluster announces addresses that cannot be reached."""
    servers = make_servers(masters=1, cluster_announce_ip="198.18.255.1")
    servers.places = tuple(place.model_copy(update={"host": "198.18.255.1"}) for place in servers.places)
    await run.start(servers, rate=200)
    await run.until(lambda: len(run.rows(client=1)) > 3 and run.ended() > 20)
    _, rows = await run.stop()
    assert set(rows["outcome"]) == {Outcome.OK}
    assert set(run.rows(client=1)["outcome"]) == {Outcome.OK}


async def test_a_password_is_used_and_kept_secret(make_servers: Callable[..., RedisServers], run: LoadRun) -> None:
    """The password reaches the servers, but no command line and no file of the run."""
    servers = make_servers(masters=1)
    secret = "correct-horse"
    port = servers.places[0].port
    ask(port, "CONFIG", "SET", "requirepass", secret)
    await run.start(servers, rate=200, password=secret)
    await run.further(operations=50)
    command_line = Path(f"/proc/{run.process.pid}/cmdline").read_bytes()
    _, rows = await run.stop()
    assert set(rows["outcome"]) == {Outcome.OK}
    kept = b"".join(file.read_bytes() for file in run.directory.iterdir())
    assert secret.encode() not in command_line + kept


async def test_an_unreachable_cluster_is_said(servers: RedisServers, run: LoadRun) -> None:
    """Where no complete cluster answers, the order fails with what is missing."""
    nowhere = tuple(place.model_copy(update={"reach_port": 1}) for place in servers.places)
    await run.load.spawn()
    with pytest.raises(ChaosError, match="slots have no known master"):
        await run.load.order(order_for(servers, run.directory, nodes=nowhere, connect_timeout=0.5))


async def test_a_wrong_password_is_said(make_servers: Callable[..., RedisServers], run: LoadRun) -> None:
    """Where the servers refuse the password, the order fails with their words."""
    servers = make_servers(masters=1)
    ask(servers.places[0].port, "CONFIG", "SET", "requirepass", "right")
    await run.load.spawn()
    with pytest.raises(ChaosError, match="redis-1 says: NOAUTH"):
        await run.load.order(order_for(servers, run.directory, password="wrong", connect_timeout=0.5))


async def test_an_interrupt_is_ignored(servers: RedisServers, run: LoadRun) -> None:
    """SIGINT does not disturb the load: ending it is the harness's business."""
    await run.start(servers, rate=500)
    await run.further(operations=50)
    assert run.process.pid
    os.kill(run.process.pid, signal.SIGINT)
    await run.further(operations=200)
    _, rows = await run.stop()
    assert set(rows["outcome"]) == {Outcome.OK}


async def test_an_unexpected_end_is_reported(servers: RedisServers, run: LoadRun) -> None:
    """A load that dies by itself is reported once, and every later call raises."""
    await run.start(servers, rate=500)
    await run.further(operations=50)
    assert run.process.pid
    os.kill(run.process.pid, signal.SIGKILL)
    with pytest.raises(ChaosError, match="the load's process failed"):
        await run.load.stop()
    assert len(run.failures) == 1


async def test_kill_is_no_failure(servers: RedisServers, run: LoadRun) -> None:
    """A load that was killed on purpose is gone, and nobody is alarmed; killing it again is harmless."""
    await run.start(servers, rate=500)
    await run.load.kill()
    await run.load.kill()
    assert run.failures == []


def test_the_child_ends_with_its_standard_input(tmp_path: Path) -> None:
    """At the end of its standard input the load's process ends by itself."""
    child = subprocess.Popen([sys.executable, "-m", "chaos.load"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdin
    assert child.stdout
    assert b"imported" in child.stdout.readline()
    child.stdin.close()
    assert child.wait(timeout=20) == 0
    child.stdout.close()


def test_the_controller_never_imports_locust() -> None:
    """Importing the controller's side of the load leaves the standard library unpatched."""
    question = "import sys, chaos.load.process; sys.exit('locust' in sys.modules or 'gevent' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", question], check=False).returncode == 0


def _acknowledged_by(run: LoadRun, node: str) -> int:
    rows = run.rows()
    names = RowDescription.model_validate_json((run.directory / "operations.json").read_text()).nodes
    ours = (rows["outcome"] == Outcome.OK) & (rows["kind"] == Kind.WRITE) & (rows["node"] == names.index(node))
    return int(ours.sum())


def _last_application_outcome(run: LoadRun, shard: int) -> int:
    rows = run.rows(client=1)
    return int(rows[rows["shard"] == shard][-1]["outcome"])


def _most_at_once(rows: Rows) -> int:
    """The largest number of operations that were on their way at one moment."""
    starts, ends = np.sort(rows["intended"]), np.sort(rows["completed"])
    return int((np.arange(1, len(rows) + 1) - np.searchsorted(ends, starts, side="right")).max())
