"""Convergence and redundancy: what keeps a cluster from either, and since when nothing has.

`cluster_state:ok` alone is not enough: a master that came back with an empty disk leaves every
node saying ok while its shard holds nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from chaos.analysis.instants import VIEWS, Instant
from chaos.analysis.view_history import ViewHistory
from chaos.model.plan import RunPlan
from chaos.model.view import HEALTHY, MASTER, REPLICA, Member, View, resolve

Views = Mapping[str, View]
"""Observer → what it believes."""
Shortcomings = Callable[[Views, RunPlan], list[str]]


def convergence_shortcomings(views: Views, plan: RunPlan) -> list[str]:
    """What keeps the cluster from being converged, in words; empty if nothing.

    Converged: every process of the plan answers, is a member at its address in every view, no
    view shows a failed, suspected or half-known member or an open slot, every node says `ok`
    where it was asked, and all views agree on roles and slots.
    """
    found = [f"{node.name} does not answer" for node in plan.nodes if not _answers(views.get(node.name))]
    answering = [view for view in views.values() if _answers(view)]
    for view in answering:
        found += _oddities(view, plan)
    if len({_beliefs(view) for view in answering}) > 1:
        found.append("the nodes' views differ")
    return found


def redundancy_shortcomings(views: Views, plan: RunPlan) -> list[str]:
    """What keeps a shard from surviving another fault, in words; empty if nothing.

    Redundant: every shard has a master, and as many replicas as planned follow it with their link up.
    """
    cluster = resolve(views.values(), plan.shard_slots, [node.name for node in plan.nodes])
    planned = planned_replicas(plan)
    found = []
    for shard in plan.shard_slots:
        linked = [name for name in cluster.replicas[shard] if name in views and views[name].link == "up"]
        if cluster.masters[shard] is None:
            found.append(f"nobody owns shard {shard}")
        elif len(linked) < planned[shard]:
            found.append(f"shard {shard} has {len(linked)} of {planned[shard]} replicas with their link up")
    return found


def planned_replicas(plan: RunPlan) -> dict[int, int]:
    """Shard → how many replicas it was planned with."""
    nodes = [node.shard for node in plan.nodes]
    return {shard: nodes.count(shard) - 1 for shard in plan.shard_slots}


def held_from(
    history: ViewHistory, plan: RunPlan, since: float, until: float, shortcomings: Shortcomings
) -> Instant | None:
    """The first instant at or after `since` from which nothing was wanting up to `until`.

    None if something was wanting at `until`. Walks back from the end, so that it costs nothing
    to know of the outage before.
    """
    changes = [change for change in history.changes if change.at <= until]
    stacks: dict[str, list[View]] = {}
    for change in changes:
        stacks.setdefault(change.view.observer, []).append(change.view)
    if shortcomings(_tops(stacks), plan):
        return None
    for change in reversed(changes):
        if change.at <= since:
            break
        stacks[change.view.observer].pop()
        if shortcomings(_tops(stacks), plan):
            return Instant(max(change.after, since), change.at, VIEWS)
    return Instant(since, since, VIEWS)


def views_at(history: ViewHistory, until: float) -> dict[str, View]:
    """The last view of each observer at `until`."""
    return {change.view.observer: change.view for change in history.changes if change.at <= until}


def _tops(stacks: Mapping[str, list[View]]) -> dict[str, View]:
    return {observer: views[-1] for observer, views in stacks.items() if views}


def _answers(view: View | None) -> bool:
    return view is not None and view.reachable and bool(view.members)


def _oddities(view: View, plan: RunPlan) -> list[str]:
    """What one view shows that no converged cluster does."""
    found = [f"{view.observer} says cluster_state:{view.state}"] if view.state not in (None, "ok") else []
    for node in plan.nodes:
        address = f"{node.place.host}:{node.place.port}"
        member = view.named(node.name)
        if member is None:
            found.append(f"{view.observer} does not know {node.name}")
        elif member.address != address:
            found.append(f"{view.observer} knows {node.name} at {member.address or 'no address'}, not at {address}")
    for member in view.members:
        found += [f"{view.observer} sees {member.node or member.id} {wrong}" for wrong in _wrongs(member)]
    return found


def _wrongs(member: Member) -> list[str]:
    wrongs = [member.health] if member.health != HEALTHY else []
    wrongs += [f"flagged {flag}" for flag in member.odd_flags]
    wrongs += ["with an open slot"] if member.open_slots else []
    wrongs += ["though it is no node of this run"] if member.node is None else []
    return wrongs


def _beliefs(view: View) -> frozenset[tuple[object, ...]]:
    """What two views must share to agree: who is what, who follows whom, who owns which slots."""
    return frozenset(
        (member.id, member.role, member.follows if member.role == REPLICA else None, _owned(member))
        for member in view.members
    )


def _owned(member: Member) -> object:
    return member.slots if member.role == MASTER else ()
