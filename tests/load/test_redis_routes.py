"""What the strict client learns of the slot table."""

from __future__ import annotations

from chaos.load.redis_routes import Routes
from chaos.model.plan import Place

PLACES = tuple(
    Place(
        node=f"redis-{number}", host=f"198.18.0.{number}", port=6379, reach_host="127.0.0.1", reach_port=7000 + number
    )
    for number in (1, 2)
)


def test_slots_are_learnt_by_announced_address() -> None:
    """A CLUSTER SLOTS reply gives each slot the node whose announced address stands first in its range."""
    routes = Routes(PLACES)
    reply = [
        [0, 9, [b"198.18.0.1", 6379, b"id"], [b"198.18.0.2", 6379, b"id"]],
        [10, 16383, [b"198.18.0.2", 6379, b"id"]],
    ]
    assert routes.learn(reply, told_by=0)
    assert (routes.table[9], routes.table[10], routes.masters(), routes.uncovered()) == (0, 1, {0, 1}, 0)


def test_the_same_table_again_is_no_news() -> None:
    """Learning reports a change only where a slot has another owner."""
    routes = Routes(PLACES)
    reply = [[0, 16383, [b"198.18.0.1", 6379, b"id"]]]
    assert [routes.learn(reply, told_by=0) for _ in range(2)] == [True, False]


def test_slots_not_mentioned_keep_their_owner() -> None:
    """A shorter reply takes no owner away."""
    routes = Routes(PLACES)
    routes.learn([[0, 16383, [b"198.18.0.1", 6379, b"id"]]], told_by=0)
    routes.learn([[0, 99, [b"198.18.0.2", 6379, b"id"]]], told_by=0)
    assert (routes.table[99], routes.table[100]) == (1, 0)


def test_an_empty_host_means_the_one_who_answered() -> None:
    """A node that does not know its own address is taken to be where it was asked."""
    routes = Routes(PLACES)
    routes.learn([[0, 16383, [b"", 6379, b"id"]]], told_by=1)
    assert routes.masters() == {1}


def test_a_stranger_serves_nothing() -> None:
    """An address that is no node of the run is not routed to."""
    routes = Routes(PLACES)
    assert not routes.learn([[0, 16383, [b"198.18.0.77", 6379, b"id"]]], told_by=0)
    assert routes.uncovered() == 16384


def test_a_stale_reply_takes_no_slot_from_a_node_that_answers() -> None:
    """A reply that leads from a node that answers to one that does not is ignored; the other way round it counts."""
    routes = Routes(PLACES)
    to_first, to_second = ([[0, 16383, [b"198.18.0.%d" % number, 6379, b"id"]]] for number in (1, 2))
    routes.learn(to_first, told_by=0)
    assert routes.learn(to_second, told_by=1, answers=lambda node: node == 1)
    assert not routes.learn(to_first, told_by=0, answers=lambda node: node == 1)
    assert routes.masters() == {1}
