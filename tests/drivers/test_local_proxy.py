"""The proxies before local servers, on real sockets."""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest

from chaos.drivers._local_ports import HOST, Ports
from chaos.drivers._local_proxy import APPLIED, FRONTS, RULES, Front, Proxy, introduced
from chaos.drivers._local_rules import ANYBODY, BUS, CLIENT, Rule, cut_off

SOON = 0.2
"""Longer than an answer takes by far, in seconds; how long it is waited for nothing to come."""
PATIENCE = 5.0
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass
class World:
    """Two nodes, `a` and `b`, whose servers answer what they are told, behind their proxies."""

    proxy: Proxy
    folder: Path
    fronts: dict[tuple[str, str], Front]
    servers: list[asyncio.Server]
    streams: list[asyncio.StreamWriter]

    async def connect(self, node: str, kind: str = CLIENT) -> Streams:
        async with asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_connection(HOST, self.fronts[node, kind].port)
        self.streams.append(writer)
        return reader, writer

    def rule(self, *rules: Rule) -> None:
        """Puts rules into force, as the order of another process does."""
        plain = {"number": 7, "rules": [asdict(rule) for rule in rules]}
        (self.folder / RULES).write_text(json.dumps(plain))
        self.proxy.apply()


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    ports = Ports()
    numbers = ports.take(6)
    streams: list[asyncio.StreamWriter] = []
    behind = {"a": numbers[4], "b": numbers[5]}
    places = [("a", CLIENT), ("a", BUS), ("b", CLIENT), ("b", BUS)]
    fronts = [Front(node, kind, port, behind[node]) for (node, kind), port in zip(places, numbers, strict=False)]
    (tmp_path / FRONTS).write_text(json.dumps([asdict(front) for front in fronts]))

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        streams.append(writer)
        while said := await reader.read(1 << 16):
            writer.write(said)
        writer.close()

    servers = [await asyncio.start_server(echo, HOST, port, reuse_address=True) for port in behind.values()]
    proxy = Proxy(tmp_path)
    world = World(proxy, tmp_path, {(front.node, front.kind): front for front in fronts}, servers, streams)
    world.rule()
    yield world
    world.rule()
    proxy.close()
    for server in servers:
        server.close()
    for stream in streams:
        stream.close()
    await asyncio.gather(*(stream.wait_closed() for stream in streams), return_exceptions=True)
    ports.release()


def bus_message(world: World, sender: str) -> bytes:
    """What a node says first on a connection of the cluster bus."""
    port = world.fronts[sender, CLIENT].port
    return struct.pack("!4sIHH", b"RCmb", 100, 1, port) + bytes(88)


async def answer(streams: Streams, said: bytes) -> bytes:
    streams[1].write(said)
    return await heard(streams, len(said))


async def heard(streams: Streams, count: int) -> bytes:
    async with asyncio.timeout(PATIENCE):
        return await streams[0].readexactly(count)


async def silent(streams: Streams) -> bool:
    """Whether nothing comes, not even an end."""
    try:
        async with asyncio.timeout(SOON):
            await streams[0].read(1)
    except TimeoutError:
        return True
    return False


async def test_everything_passes_without_rules(world: World) -> None:
    """What is said to the front reaches the server, and its answer comes back, however much it is."""
    client = await world.connect("a")
    for said in (b"hello", b"x" * 3_000_000):
        assert await answer(client, said) == said


async def test_a_hang_up_passes_through(world: World) -> None:
    """When the server closes a connection, its client sees the end."""
    client = await world.connect("a")
    await answer(client, b"hello")
    world.streams[-1].close()
    async with asyncio.timeout(PATIENCE):
        assert await client[0].read() == b""


async def test_a_dead_server_refuses(world: World) -> None:
    """With nobody behind the front, a connection is reset at once."""
    world.servers[0].close()
    client = await world.connect("a")
    with pytest.raises(ConnectionResetError):
        await answer(client, b"hello")


async def test_what_a_cut_holds_back_comes_when_it_is_mended(world: World) -> None:
    """An open connection of a node that is cut off hangs; mended, it goes on where it stood, with nothing lost."""
    client = await world.connect("a")
    await answer(client, b"before")
    world.rule(*cut_off(["a"]))
    client[1].write(b"during")
    assert await silent(client)
    world.rule()
    assert await heard(client, 6) == b"during"


async def test_a_cut_node_takes_no_connections(world: World) -> None:
    """Whoever tries to connect to a node that is cut off waits, as where nothing is there; mended, he gets through."""
    world.rule(*cut_off(["a"]))
    connecting = asyncio.ensure_future(world.connect("a"))
    done, _ = await asyncio.wait([connecting], timeout=SOON)
    assert not done
    world.rule()
    assert await answer(await connecting, b"hello") == b"hello"


async def test_the_other_node_is_not_concerned(world: World) -> None:
    """A cut of one node leaves the clients of another alone."""
    world.rule(*cut_off(["a"]))
    assert await answer(await world.connect("b"), b"hello") == b"hello"


async def test_a_cut_node_is_not_heard_on_the_bus_of_others(world: World) -> None:
    """A node that is cut off is known by the first thing it says, and not even that gets through."""
    world.rule(*cut_off(["a"]))
    from_a, from_b = await world.connect("b", BUS), await world.connect("b", BUS)
    from_a[1].write(bus_message(world, "a"))
    assert await answer(from_b, bus_message(world, "b")) == bus_message(world, "b")
    assert await silent(from_a)
    world.rule()
    assert await heard(from_a, 100) == bus_message(world, "a")


async def test_an_open_bus_connection_of_a_cut_node_hangs(world: World) -> None:
    """A node that has introduced itself before the cut is held back from then on."""
    from_a = await world.connect("b", BUS)
    await answer(from_a, bus_message(world, "a"))
    world.rule(*cut_off(["a"]))
    from_a[1].write(b"more")
    assert await silent(from_a)


async def test_a_replica_is_known_by_its_introduction(world: World) -> None:
    """A replica that is cut off hears no more of its master, while clients of that master go on."""
    replica, client = await world.connect("b"), await world.connect("b")
    port = str(world.fronts["a", CLIENT].server_port).encode()
    said = b"*3\r\n$8\r\nREPLCONF\r\n$14\r\nlistening-port\r\n$%d\r\n%s\r\n" % (len(port), port)
    await answer(replica, b"*1\r\n$4\r\nPING\r\n")
    await answer(replica, said)
    world.rule(*cut_off(["a"]))
    replica[1].write(b"more")
    assert await silent(replica)
    assert await answer(client, b"hello") == b"hello"


async def test_a_rule_may_hold_one_direction(world: World) -> None:
    """With only the answers held back, the question arrives and its answer waits."""
    client = await world.connect("a")
    await answer(client, b"before")
    world.rule(Rule("a", ANYBODY))
    client[1].write(b"question")
    assert await silent(client)
    world.rule()
    assert await heard(client, 8) == b"question"


async def test_a_rule_may_concern_the_bus_alone(world: World) -> None:
    """With the bus cut, clients are served."""
    world.rule(Rule(ANYBODY, "a", (BUS,)), Rule("a", ANYBODY, (BUS,)))
    assert await answer(await world.connect("a"), b"hello") == b"hello"


async def test_rules_in_force_are_said_to_be(world: World) -> None:
    """The number of the rules in force stands in a file when they are."""
    assert (world.folder / APPLIED).read_text() == "7"


def test_strangers_introduce_themselves_as_nobody() -> None:
    """What is no message of a node names no port; a message cut short neither."""
    assert introduced(b"GET / HTTP/1.1\r\n\r\n", BUS) is None
    assert introduced(b"RCmb", BUS) is None
    assert introduced(b"*1\r\n$4\r\nPING\r\n", CLIENT) is None
