"""Views: what one node believes of the cluster at one moment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

SlotRanges = tuple[tuple[int, int], ...]

HEALTHY, SUSPECTED, FAILED = "healthy", "suspected", "failed"
MASTER, REPLICA = "master", "replica"


@dataclass(frozen=True, slots=True)
class Member:
    """One process as one node's view shows it."""

    id: str
    node: str | None
    """Our name for it; None for a member that is no node of this run."""
    address: str
    """`host:port` as the view gives it."""
    role: str
    """`master` or `replica`."""
    health: str = HEALTHY
    """`healthy`, `suspected` (PFAIL) or `failed` (FAIL)."""
    follows: str | None = None
    """The id of its master, for a replica."""
    slots: SlotRanges = ()
    epoch: int = 0
    odd_flags: tuple[str, ...] = ()
    """Flags no converged cluster shows: noaddr, handshake, nofailover …"""
    open_slots: bool = False

    @property
    def slot_count(self) -> int:
        return sum(last - first + 1 for first, last in self.slots)


@dataclass(frozen=True, slots=True)
class View:
    """What `observer` believes; `members` is empty when it could not be asked."""

    observer: str
    members: tuple[Member, ...] = ()
    reachable: bool = True
    state: str | None = None
    """`ok` or `fail`: what the node says of the whole cluster; None where not asked."""
    link: str | None = None
    """A replica's link to its master: `up` or `down`; None for a master or where not asked."""

    def member(self, member_id: str) -> Member | None:
        return next((member for member in self.members if member.id == member_id), None)

    def named(self, node: str) -> Member | None:
        return next((member for member in self.members if member.node == node), None)

    @property
    def itself(self) -> Member | None:
        return self.named(self.observer)


@dataclass(frozen=True, slots=True)
class ViewChange:
    """A node's view was first seen like this at `at`, and was still different at `after` (monotonic seconds)."""

    after: float
    at: float
    view: View


@dataclass(frozen=True, slots=True)
class ClusterView:
    """The live cluster as resolved from all nodes' views: who is master of which shard, who follows whom."""

    masters: Mapping[int, str | None]
    """Shard → the node that owns most of its slots, with the highest epoch; None if nobody does."""
    replicas: Mapping[int, tuple[str, ...]]
    """Shard → the nodes that follow its master, sorted by name."""
    nodes: tuple[str, ...]
    """Every node of the run, sorted by name in natural order."""
    live: frozenset[str] = field(default_factory=frozenset)
    """The nodes whose own view could be read."""


def natural(name: str) -> tuple[str, int]:
    """Sort key that puts redis-2 before redis-10."""
    head, _, tail = name.rpartition("-")
    return (head, int(tail)) if tail.isdigit() else (name, -1)


def shard_owner(views: Iterable[View], ranges: SlotRanges) -> tuple[str | None, int]:
    """Who owns most of a shard's slots: the node with the highest epoch among the claims views make.

    Returns the node's name and its epoch, (None, -1) if no view shows an owner.
    """
    claims: Counter[tuple[int, str]] = Counter()
    for view in views:
        for member in view.members:
            if member.role == MASTER and member.node and member.slots:
                held = overlap(member.slots, ranges)
                if held:
                    claims[(member.epoch, member.node)] += held
    total = sum(last - first + 1 for first, last in ranges)
    strong = [(epoch, node) for (epoch, node), held in claims.items() if held * 2 > total]
    if not strong:
        return None, -1
    epoch, node = max(strong)
    return node, epoch


def overlap(slots: SlotRanges, ranges: SlotRanges) -> int:
    """How many slots two sets of inclusive ranges share."""
    return sum(
        max(0, min(last, other_last) - max(first, other_first) + 1)
        for first, last in slots
        for other_first, other_last in ranges
    )


def resolve(views: Iterable[View], shards: Mapping[int, SlotRanges], nodes: Iterable[str]) -> ClusterView:
    """The live cluster from the views that could be read.

    A shard's master is whoever owns most of its slots with the highest epoch; its replicas are
    the members that follow it in their own view (in the master's view where they cannot be asked).
    """
    seen = [view for view in views if view.reachable and view.members]
    masters: dict[int, str | None] = {}
    replicas: dict[int, tuple[str, ...]] = {}
    for shard, ranges in shards.items():
        owner, _ = shard_owner(seen, ranges)
        masters[shard] = owner
        followers = set()
        for view in seen:
            for member in view.members:
                leader = view.member(member.follows) if member.follows else None
                own = next((other.itself for other in seen if other.observer == member.node), None)
                believes_itself = own is None or own.role == REPLICA
                if leader and leader.node == owner and owner and member.node and believes_itself:
                    followers.add(member.node)
        replicas[shard] = tuple(sorted(followers - {owner}, key=natural))
    return ClusterView(
        masters=masters,
        replicas=replicas,
        nodes=tuple(sorted(nodes, key=natural)),
        live=frozenset(view.observer for view in seen),
    )
