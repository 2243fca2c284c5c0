"""Views: who owns a shard when nodes disagree, and who follows whom."""

from __future__ import annotations

import pytest

from chaos.model.view import MASTER, REPLICA, Member, SlotRanges, View, natural, overlap, resolve, shard_owner

SHARDS: dict[int, SlotRanges] = {1: ((0, 8191),), 2: ((8192, 16383),)}


def master(node: str | None, slots: SlotRanges, epoch: int = 1, name: str | None = None) -> Member:
    return Member(name or str(node), node, f"{node}:6379", MASTER, slots=slots, epoch=epoch)


def replica(node: str, follows: str) -> Member:
    return Member(node, node, f"{node}:6379", REPLICA, follows=follows)


def view(observer: str, *members: Member) -> View:
    return View(observer, members)


WHOLE = (
    master("redis-1", SHARDS[1], 1),
    master("redis-2", SHARDS[2], 2),
    replica("redis-3", "redis-1"),
    replica("redis-4", "redis-2"),
)
NODES = ("redis-1", "redis-2", "redis-3", "redis-4")


@pytest.mark.parametrize(
    ("slots", "ranges", "shared"),
    [
        (((0, 10),), ((0, 10),), 11),
        (((0, 10),), ((11, 20),), 0),
        (((0, 10), (20, 30)), ((5, 25),), 12),
        (((5, 5),), ((0, 10),), 1),
        ((), ((0, 10),), 0),
    ],
)
def test_ranges_share_what_both_have(slots: SlotRanges, ranges: SlotRanges, shared: int) -> None:
    """The overlap of two sets of inclusive ranges is the number of slots in both."""
    assert overlap(slots, ranges) == shared


def test_names_sort_as_people_count() -> None:
    """redis-2 stands before redis-10; names are grouped by what stands before the number."""
    assert sorted(["redis-10", "redis-2", "a-30", "a-3"], key=natural) == ["a-3", "a-30", "redis-2", "redis-10"]


def test_an_owner_in_agreement_is_the_owner() -> None:
    """When all views agree, the owner is who they say, with its epoch."""
    assert shard_owner([view("redis-1", *WHOLE), view("redis-2", *WHOLE)], SHARDS[2]) == ("redis-2", 2)


def test_the_highest_epoch_wins_over_the_number_of_views() -> None:
    """A claim with a higher epoch beats an older one that more views still hold."""
    old = [view(node, master("redis-1", SHARDS[1], 1)) for node in ("redis-1", "redis-2", "redis-4")]
    new = view("redis-3", master("redis-1", (), 1), master("redis-3", SHARDS[1], 7))
    assert shard_owner([*old, new], SHARDS[1]) == ("redis-3", 7)


def test_a_shard_stays_the_slots_it_was_formed_with() -> None:
    """While slots are being moved away, the owner is who has most of the shard's original slots."""
    moving = view("redis-1", master("redis-1", ((0, 5000),), 3), master("redis-2", ((5001, 16383),), 2))
    assert shard_owner([moving], SHARDS[1]) == ("redis-1", 3)
    assert shard_owner([moving], SHARDS[2]) == ("redis-2", 2)


def test_half_of_a_shard_is_no_owner() -> None:
    """A master with no more than half of a shard's slots does not own it, whatever its epoch."""
    halved = view("redis-1", master("redis-1", ((0, 4095),), 9), master("redis-2", ((4096, 8191),), 3))
    assert shard_owner([halved], SHARDS[1]) == (None, -1)


def test_no_view_shows_no_owner() -> None:
    """Without a view, or with none that shows the slots owned, nobody is the owner."""
    assert shard_owner([], SHARDS[1]) == (None, -1)
    assert shard_owner([view("redis-3", replica("redis-3", "redis-1"))], SHARDS[1]) == (None, -1)


def test_a_stranger_owns_nothing() -> None:
    """A member that is no node of the run is never named as an owner."""
    assert shard_owner([view("redis-1", master(None, SHARDS[1], 9, "stranger"))], SHARDS[1]) == (None, -1)


def test_a_whole_cluster_is_resolved() -> None:
    """Each shard has its master and its replicas; all nodes whose views were read are live."""
    live = resolve([view(node, *WHOLE) for node in NODES], SHARDS, NODES)
    assert live.masters == {1: "redis-1", 2: "redis-2"}
    assert live.replicas == {1: ("redis-3",), 2: ("redis-4",)}
    assert live.live == set(NODES)


def test_a_node_that_cannot_be_asked_is_known_by_the_others() -> None:
    """A silent replica is still one in the views of the others, and is not live."""
    views = [view("redis-1", *WHOLE), view("redis-2", *WHOLE), View("redis-3", reachable=False)]
    live = resolve(views, SHARDS, NODES)
    assert live.replicas[1] == ("redis-3",)
    assert live.live == {"redis-1", "redis-2"}


def test_a_node_that_calls_itself_a_master_follows_nobody() -> None:
    """A node that others take for a replica is none while its own view says master."""
    own = view("redis-3", *WHOLE[:2], master("redis-3", ()), WHOLE[3])
    live = resolve([view("redis-1", *WHOLE), own], SHARDS, NODES)
    assert live.replicas[1] == ()


def test_after_a_failover_the_old_master_follows_the_new() -> None:
    """The returned master is a replica of its successor."""
    after = (
        replica("redis-1", "redis-3"),
        WHOLE[1],
        master("redis-3", SHARDS[1], 7),
        WHOLE[3],
    )
    live = resolve([view(node, *after) for node in NODES], SHARDS, NODES)
    assert (live.masters[1], live.replicas[1]) == ("redis-3", ("redis-1",))


def test_replicas_stand_in_the_order_people_count() -> None:
    """Several replicas of a shard are sorted by name, 2 before 10."""
    members = (master("redis-1", SHARDS[1]), replica("redis-10", "redis-1"), replica("redis-2", "redis-1"))
    live = resolve([view("redis-1", *members)], {1: SHARDS[1]}, ["redis-10", "redis-2", "redis-1"])
    assert live.replicas[1] == ("redis-2", "redis-10")
    assert live.nodes == ("redis-1", "redis-2", "redis-10")


def test_without_views_nothing_is_known() -> None:
    """If no view can be read, no shard has a master and no node is live; the nodes of the run are still listed."""
    live = resolve([View(node, reachable=False) for node in NODES], SHARDS, NODES)
    assert live.masters == {1: None, 2: None}
    assert live.replicas == {1: (), 2: ()}
    assert (live.live, live.nodes) == (frozenset(), NODES)


def test_a_view_finds_its_own_member() -> None:
    """A view's own member is the one with the observer's name; an unreachable node has none."""
    assert view("redis-3", *WHOLE).itself == WHOLE[2]
    assert View("redis-3", reachable=False).itself is None
