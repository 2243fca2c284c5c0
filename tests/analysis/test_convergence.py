"""Convergence: what `cluster_state:ok` hides is found."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chaos.analysis.convergence import convergence_shortcomings, held_from, redundancy_shortcomings
from chaos.analysis.view_history import ViewHistory
from chaos.model.view import View
from tests.evidence_builder import HEIRS, NODES, RAISED, T0, Story, plan, unreachable, view

PLAN = plan()


def all_see(**what: object) -> dict[str, View]:
    return {node: view(node, **what) for node in NODES}  # type: ignore[arg-type]


def test_a_formed_cluster_lacks_nothing() -> None:
    """Six nodes that agree are converged and redundant."""
    assert convergence_shortcomings(all_see(), PLAN) == []
    assert redundancy_shortcomings(all_see(), PLAN) == []


@pytest.mark.parametrize(
    ("what", "found"),
    [
        ({"health": {"redis-3": "failed"}}, "redis-1 sees redis-3 failed"),
        ({"health": {"redis-3": "suspected"}}, "redis-1 sees redis-3 suspected"),
        ({"odd": {"redis-3": ("noaddr",)}}, "redis-1 sees redis-3 flagged noaddr"),
        ({"moved": {"redis-3": ":0"}}, "redis-1 knows redis-3 at :0, not at 198.18.5.13:6379"),
        ({"state": "fail"}, "redis-1 says cluster_state:fail"),
    ],
)
def test_an_odd_view_is_not_converged(what: dict[str, object], found: str) -> None:
    """A flag, a wrong address or a bad state in any view is named with who sees it."""
    assert found in convergence_shortcomings(all_see(**what), PLAN)


def test_an_open_slot_is_not_converged() -> None:
    """A slot that is on its way keeps the cluster from convergence."""
    views = all_see()
    first = replace(views["redis-1"].members[0], open_slots=True)
    views["redis-1"] = replace(views["redis-1"], members=(first, *views["redis-1"].members[1:]))
    assert convergence_shortcomings(views, PLAN) == ["redis-1 sees redis-1 with an open slot"]


def test_views_that_differ_are_not_converged() -> None:
    """Two opinions of who is master keep the cluster from convergence."""
    assert convergence_shortcomings(all_see() | {"redis-1": view("redis-1", HEIRS)}, PLAN) == [
        "the nodes' views differ"
    ]


def test_a_node_that_does_not_answer_is_not_converged() -> None:
    """Every process of the plan must answer."""
    found = convergence_shortcomings(all_see() | {"redis-4": unreachable("redis-4")}, PLAN)
    assert found == ["redis-4 does not answer"]


def test_a_member_that_came_back_empty_under_another_id_is_found() -> None:
    """The empty master: everyone says ok, and nobody knows the process that runs."""
    stranger = replace(view("redis-3").members[2], id="new", slots=(), epoch=0)
    alone = View(observer="redis-3", members=(stranger,), state="ok")
    found = convergence_shortcomings(all_see(odd={"redis-3": ("noaddr",)}) | {"redis-3": alone}, PLAN)
    assert "redis-3 does not know redis-1" in found
    assert "redis-1 sees redis-3 flagged noaddr" in found


def test_a_replica_whose_link_is_down_is_not_redundant() -> None:
    """A replica counts only once its link is up."""
    found = redundancy_shortcomings(all_see() | {"redis-6": view("redis-6", link="down")}, PLAN)
    assert found == ["shard 3 has 0 of 1 replicas with their link up"]


def test_a_condition_holds_from_the_last_change_that_mattered() -> None:
    """What was met, lost and met again holds from the second time."""
    story = Story().healthy().seen(5, view("redis-6", link="down")).seen(9, view("redis-6"), poll=0.02)
    history = ViewHistory(story.trial().view_changes, PLAN.shard_slots)
    instant = held_from(history, PLAN, T0, T0 + 40, redundancy_shortcomings)
    assert instant is not None
    assert (instant.low, instant.high) == (T0 + 8.98, T0 + 9)


def test_a_condition_that_always_held_holds_from_the_beginning() -> None:
    """Nothing is waited for where nothing was wanting."""
    history = ViewHistory(Story().healthy().trial().view_changes, PLAN.shard_slots)
    instant = held_from(history, PLAN, T0, T0 + 40, convergence_shortcomings)
    assert instant is not None
    assert instant.value == T0


def test_a_replica_that_took_over_is_redundant_with_the_old_master_behind_it() -> None:
    """Redundancy asks for the number of replicas, not for the old roles."""
    assert redundancy_shortcomings(all_see(masters=HEIRS, epochs=RAISED), PLAN) == []
