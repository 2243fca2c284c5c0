"""CLUSTER NODES of every version is read into members, and a nodes.conf that we write is one a server starts with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from chaos.model.view import FAILED, HEALTHY, MASTER, REPLICA, SUSPECTED, Member
from chaos.wire.cluster_nodes import Names, Seed, nodes_conf, read_members
from tests.load.redis_servers import free_port
from tests.wire.servers import Server

A, B, C, D = ("a" * 40, "b" * 40, "c" * 40, "d" * 40)
NAMES = Names(
    by_id={A: "redis-1", B: "redis-2", C: "redis-3"},
    by_address={"198.18.1.11:6379": "redis-1", "198.18.1.12:6379": "redis-2", "198.18.1.13:6379": "redis-3"},
)

REDIS_5 = f"""\
{A} 198.18.1.11:6379@16379 myself,master - 0 1598000000000 7 connected 0-5460
{B} 198.18.1.12:6379@16379 master - 0 1598000001000 2 connected 5461-10922
{C} 198.18.1.13:6379@16379 slave {A} 0 1598000002000 7 connected
"""
REDIS_7 = f"""\
{A} 198.18.1.11:6379@16379,cache-1 myself,master - 0 0 7 connected 0-5460
{B} 198.18.1.12:6379@16379,cache-2.example master - 0 1698000001000 2 connected 5461-10922
{C} 198.18.1.13:6379@16379, slave {A} 0 1698000002000 7 connected
"""
REDIS_72 = f"""\
{A} 198.18.1.11:6379@16379,cache-1,tls-port=0,shard-id={D} myself,master - 0 0 7 connected 0-5460
{B} 198.18.1.12:6379@16379,,tls-port=0,shard-id={C} master - 0 1698000001000 2 connected 5461-10922
{C} 198.18.1.13:6379@16379,,tls-port=0,shard-id={D} slave {A} 0 1698000002000 7 connected
"""


def line(flags: str, address: str = "198.18.1.12:6379@16379", slots: str = "") -> str:
    """One member as another sees it."""
    return f"{B} {address} {flags} - 1698000000000 1698000001000 2 connected {slots}".rstrip()


def only(text: str, names: Names = NAMES) -> Member:
    (member,) = read_members(text, names, "redis-1")
    return member


@pytest.mark.parametrize("text", [REDIS_5, REDIS_7, REDIS_72], ids=["5.0 and 6.2", "7.0", "7.2 with auxiliary fields"])
def test_every_version_says_the_same(text: str) -> None:
    """Names, addresses, roles, leaders, slots and epochs are read alike from each version's form."""
    assert read_members(text, NAMES, "redis-1") == (
        Member(A, "redis-1", "198.18.1.11:6379", MASTER, HEALTHY, None, ((0, 5460),), 7),
        Member(B, "redis-2", "198.18.1.12:6379", MASTER, HEALTHY, None, ((5461, 10922),), 2),
        Member(C, "redis-3", "198.18.1.13:6379", REPLICA, HEALTHY, A, (), 7),
    )


def test_members_are_sorted_by_id() -> None:
    """However a node lists them, members stand in the order of their ids."""
    backwards = "\n".join(reversed(REDIS_5.splitlines()))
    assert read_members(backwards, NAMES, "redis-1") == read_members(REDIS_5, NAMES, "redis-1")


@pytest.mark.parametrize(
    ("flags", "health"), [("master", HEALTHY), ("master,fail?", SUSPECTED), ("master,fail", FAILED)]
)
def test_suspicion_is_not_failure(flags: str, health: str) -> None:
    """`fail?` is one node's suspicion, `fail` an agreed failure, and neither is an odd flag."""
    member = only(line(flags))
    assert (member.health, member.odd_flags) == (health, ())


@pytest.mark.parametrize(
    ("flags", "address", "odd"),
    [
        ("master,noaddr", ":0@0", ("noaddr",)),
        ("handshake", "198.18.1.12:6379@16379", ("handshake",)),
        ("slave,nofailover", "198.18.1.12:6379@16379", ("nofailover",)),
        ("master,fail,noaddr", ":0@0", ("noaddr",)),
        ("noflags", "198.18.1.12:6379@16379", ()),
    ],
)
def test_flags_of_an_unconverged_cluster_are_kept(flags: str, address: str, odd: tuple[str, ...]) -> None:
    """Flags that no converged cluster shows stand with the member, as they are."""
    assert only(line(flags, address)).odd_flags == odd


def test_a_member_without_an_address_is_known_by_its_id() -> None:
    """A member that a view has no address for still has our name."""
    member = only(line("master,noaddr", ":0@0"))
    assert (member.node, member.address) == ("redis-2", ":0")


def test_a_member_with_a_new_id_is_known_by_its_address() -> None:
    """A server that came back empty, with an id of its own making, has the name of its address."""
    assert only(line("master").replace(B, D)).node == "redis-2"


def test_a_stranger_has_no_name() -> None:
    """A member of unknown id and address is no node of ours."""
    assert only(line("master", "198.18.9.9:6379@16379").replace(B, D)).node is None


def test_the_one_asked_is_known_whatever_it_says() -> None:
    """The `myself` of a reply is the node that was asked, even with a new id and an address it does not know."""
    member = only(line("myself,master", ":6379@16379").replace(B, D))
    assert member.node == "redis-1"


def test_an_address_may_be_of_version_six() -> None:
    """The address is all before the bus port, colons and all."""
    assert only(line("master", "fd00::12:6379@16379,cache-2")).address == "fd00::12:6379"


def test_slots_are_ranges_and_single_ones() -> None:
    """Ranges and single slots are read as inclusive ranges, in order."""
    member = only(line("master", slots="0-5460 5462 10923-10924"))
    assert member.slots == ((0, 5460), (5462, 5462), (10923, 10924))
    assert member.slot_count == 5464
    assert not member.open_slots


@pytest.mark.parametrize("slot", [f"[93->-{A}]", f"[77-<-{C}]"])
def test_open_slots_are_noticed(slot: str) -> None:
    """A slot that is being moved is no slot of the member's own, and it is said that one is open."""
    member = only(line("master", slots=f"0-92 {slot}"))
    assert (member.slots, member.open_slots) == (((0, 92),), True)


def test_odd_lines_are_left_out() -> None:
    """What is no member, such as the last line of a nodes.conf or an empty one, is left out."""
    text = f"\n{line('master')}\nvars currentEpoch 7 lastVoteEpoch 0\nnonsense\n"
    assert [member.id for member in read_members(text, NAMES, "redis-1")] == [B]


SEEDS = [
    Seed(A, "127.0.0.1", 0, 0, epoch=1, slots=((0, 8000), (8002, 8002))),
    Seed(B, "127.0.0.2", 7002, 17002, epoch=2, slots=((8003, 16383),)),
    Seed(C, "127.0.0.3", 7003, 17003, epoch=1, follows=A),
    Seed(D, "127.0.0.4", 7004, 17004, epoch=2, follows=B),
]


@pytest.fixture
def seeded(tmp_path: Path) -> Iterator[Server]:
    """A real server that starts as the first of four members, three of which do not run."""
    port = free_port()
    first = Seed(A, "127.0.0.1", port, port + 10_000, epoch=1, slots=SEEDS[0].slots)
    (tmp_path / "nodes.conf").write_text(nodes_conf([first, *SEEDS[1:]], myself=A, current_epoch=9))
    server = Server(tmp_path, port, cluster_enabled="yes", cluster_node_timeout=60000)
    yield server
    server.close()


def test_a_server_starts_from_what_we_write(seeded: Server) -> None:
    """A real server started from our nodes.conf knows every member as written: id, address, role, slots, epoch."""
    names = Names({A: "redis-1", B: "redis-2", C: "redis-3", D: "redis-4"}, {})
    known = read_members(seeded.ask("CLUSTER", "NODES").decode(), names, "redis-1")
    found = [(one.id, one.node, one.address, one.role, one.follows, one.slots, one.epoch) for one in known]
    places = [f"127.0.0.1:{seeded.port}", "127.0.0.2:7002", "127.0.0.3:7003", "127.0.0.4:7004"]
    assert found == [
        (seed.id, f"redis-{number}", place, REPLICA if seed.follows else MASTER, seed.follows, seed.slots, seed.epoch)
        for number, (seed, place) in enumerate(zip(SEEDS, places, strict=True), start=1)
    ]


def test_a_server_keeps_its_id_and_the_epoch_we_wrote(seeded: Server) -> None:
    """The server takes the id meant for it and the current epoch of the file."""
    assert seeded.ask("CLUSTER", "MYID").decode() == A
    assert b"cluster_current_epoch:9\r\n" in seeded.ask("CLUSTER", "INFO")
