"""Targets: what they are, and which nodes they choose."""

from __future__ import annotations

import random

import pytest

from chaos.errors import Inconclusive, Misread
from chaos.model.view import ClusterView
from chaos.scenario.targets import list_of, parse_target, resolve

NODES = tuple(f"redis-{number}" for number in range(1, 11))
VIEW = ClusterView(
    masters={1: "redis-1", 2: "redis-10", 3: None},
    replicas={1: ("redis-4", "redis-7"), 2: ("redis-5",), 3: ()},
    nodes=NODES,
)


def chosen(text: str, seed: int = 1, view: ClusterView = VIEW) -> tuple[str, ...]:
    return resolve(parse_target(text), view, random.Random(seed))


@pytest.mark.parametrize(
    ("text", "nodes"),
    [
        ("master of shard 2", ("redis-10",)),
        ("primary of shard 1", ("redis-1",)),
        ("replica of shard 2", ("redis-5",)),
        ("all masters", ("redis-1", "redis-10")),
        ("all primaries", ("redis-1", "redis-10")),
        ("all  replicas", ("redis-4", "redis-5", "redis-7")),
        ("node redis-3", ("redis-3",)),
    ],
)
def test_a_target_chooses_its_nodes(text: str, nodes: tuple[str, ...]) -> None:
    """Each form chooses the nodes it names, in natural order."""
    assert chosen(text) == nodes


@pytest.mark.parametrize("text", ["any master", "any replica", "replica of shard 1"])
def test_a_draw_is_one_node_and_repeats_with_its_seed(text: str) -> None:
    """A drawn target is one candidate, the same for the same seed, and every candidate for some seed."""
    everything = "all replicas" if "replica" in text else "all masters"
    draws = [chosen(text, seed) for seed in range(40)]
    assert draws == [chosen(text, seed) for seed in range(40)]
    assert all(len(draw) == 1 and draw[0] in chosen(everything) for draw in draws)
    assert len(set(draws)) > 1


def test_a_draw_does_not_depend_on_the_order_of_the_view() -> None:
    """Candidates are sorted before the draw, so the order in which a view lists them changes nothing."""
    turned = ClusterView(masters={}, replicas={1: ("redis-7", "redis-4")}, nodes=NODES)
    assert [chosen("replica of shard 1", s, turned) for s in range(20)] == [
        chosen("replica of shard 1", s) for s in range(20)
    ]


def test_a_list_chooses_everything_once() -> None:
    """A list chooses what its parts choose, in their order, and no node twice."""
    target = list_of([parse_target("node redis-5"), parse_target("all replicas")])
    assert resolve(target, VIEW, random.Random(0)) == ("redis-5", "redis-4", "redis-7")
    assert target.text == "[node redis-5, all replicas]"


@pytest.mark.parametrize("text", ["master of shard 3", "replica of shard 3", "master of shard 9", "node redis-99"])
def test_a_target_that_is_nothing_is_inconclusive(text: str) -> None:
    """A target that resolves to no node cannot be skipped: the run is inconclusive."""
    with pytest.raises(Inconclusive, match=text):
        chosen(text)


def test_a_list_with_a_part_that_is_nothing_is_inconclusive() -> None:
    """A part of a list is never skipped silently."""
    target = list_of([parse_target("master of shard 1"), parse_target("master of shard 3")])
    with pytest.raises(Inconclusive):
        resolve(target, VIEW, random.Random(0))


@pytest.mark.parametrize(
    "text",
    [
        "each master", "2 random nodes", "50% of replicas", "minority", "majority", "others", "shard 2", "zone 2",
        "master of key user:42", "master of slot 12182", "promoted", "sentinels", "minority of sentinels", "clients",
        "clients near", "master of shard 1 of redis", "any master of redis",
    ],
)  # fmt: skip
def test_targets_of_the_language_that_come_later_are_refused_as_such(text: str) -> None:
    """A form that cannot be resolved yet is refused with "not yet", never as unknown."""
    with pytest.raises(Misread, match="not yet available"):
        parse_target(text)


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("redis-3", "node redis-3?"),
        ("master 3", "master of shard 3?"),
        ("mastr of shard 3", "did you mean 'master of shard 3'?"),
        ("masters", "all masters?"),
        ("replica", "any replica?"),
        ("master of shard 0", "shards are counted from 1: master of shard 1?"),
    ],
)
def test_what_is_no_target_is_answered_with_the_nearest(text: str, advice: str) -> None:
    """A wrong target is refused with what was probably meant."""
    with pytest.raises(Misread) as caught:
        parse_target(text)
    assert caught.value.right == advice
