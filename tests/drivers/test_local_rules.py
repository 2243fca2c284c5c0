"""Rules between local nodes, as plain data."""

from __future__ import annotations

from chaos.drivers._local_rules import ANYBODY, BUS, CLIENT, OUTSIDE, Rule, cut_off, held, sealed


def test_without_rules_everybody_hears_everybody() -> None:
    """No rule holds anything back."""
    assert not held([], "redis-1", "redis-2", BUS)
    assert not sealed([], "redis-1", CLIENT)


def test_a_node_that_is_cut_off_hears_nobody_and_is_heard_by_nobody() -> None:
    """Both directions are held, on both kinds of connections, clients included."""
    rules = cut_off(["redis-1"])
    for kind in (CLIENT, BUS):
        for other in ("redis-2", OUTSIDE):
            assert held(rules, "redis-1", other, kind)
            assert held(rules, other, "redis-1", kind)


def test_the_others_still_hear_each_other() -> None:
    """A cut concerns only the connections of the node that is cut off."""
    assert not held(cut_off(["redis-1"]), "redis-2", "redis-3", BUS)


def test_only_a_node_that_nobody_reaches_is_sealed() -> None:
    """A node that one other cannot reach still takes connections; one that nobody reaches takes none."""
    assert sealed(cut_off(["redis-1"]), "redis-1", CLIENT)
    assert not sealed(cut_off(["redis-1"]), "redis-2", CLIENT)
    assert not sealed([Rule("redis-2", "redis-1")], "redis-1", CLIENT)


def test_a_rule_may_be_one_way_and_of_one_kind() -> None:
    """A rule from one node to another holds nothing in the other direction, nor on connections of another kind."""
    rules = [Rule("redis-1", "redis-2", (BUS,))]
    assert held(rules, "redis-1", "redis-2", BUS)
    assert not held(rules, "redis-2", "redis-1", BUS)
    assert not held(rules, "redis-1", "redis-2", CLIENT)


def test_a_rule_for_anybody_covers_clients() -> None:
    """`*` stands for every node and for whoever is none."""
    assert Rule(ANYBODY, "redis-1").holds(OUTSIDE, "redis-1", CLIENT)
