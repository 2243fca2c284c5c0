"""The history of a trial's views: when something was first seen in them, and who owned which shard."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from chaos.analysis.instants import VIEWS, Instant
from chaos.model.view import MASTER, SlotRanges, View, ViewChange, overlap

Claims = dict[int, tuple[int, str]]
"""Shard → (config epoch, node) of whom one view shows as its owner."""


@dataclass(frozen=True, slots=True)
class Promotion:
    """A shard was first seen to belong to another node, by the highest epoch any view shows."""

    shard: int
    old: str | None
    new: str
    epoch: int
    seen: Instant


class ViewHistory:
    """All changes of view of one trial, by observer."""

    def __init__(self, changes: Iterable[ViewChange], shard_slots: Mapping[int, SlotRanges]) -> None:
        self.changes = tuple(sorted(changes, key=lambda change: change.at))
        self._shard_slots = shard_slots
        self._shards_of_slots: dict[SlotRanges, tuple[int, ...]] = {}
        self.by_observer: dict[str, list[ViewChange]] = {}
        for change in self.changes:
            self.by_observer.setdefault(change.view.observer, []).append(change)

    def first_seen(
        self, since: float, shows: Callable[[View], bool], without: frozenset[str] = frozenset()
    ) -> Instant | None:
        """When the first observer (but those `without`) came to see something, at or after `since`.

        Each observer's own change lies between its last view without it and its first view with
        it; the earliest of them lies between the least of either.
        """
        seen = [
            found
            for observer, changes in self.by_observer.items()
            if observer not in without and (found := _transition(changes, since, shows))
        ]
        if not seen:
            return None
        return Instant(min(low for low, _ in seen), min(high for _, high in seen), VIEWS)

    def promotions(self, since: float) -> list[Promotion]:
        """Every change of a shard's owner first seen after `since`, in order.

        An owner counts only with a higher epoch than any seen before, so that a returning old
        master, or an observer that lags behind, is no promotion.
        """
        best: Claims = {}
        found = []
        for change in self.changes:
            for shard, (epoch, node) in self.claims(change.view).items():
                old_epoch, old = best.get(shard, (-1, ""))
                if epoch <= old_epoch:
                    continue
                best[shard] = (epoch, node)
                if old and old != node and change.at > since:
                    found.append(Promotion(shard, old, node, epoch, self._seen_owning(shard, epoch, change)))
        return found

    def claims(self, view: View) -> Claims:
        """Who owns most slots of which shard as one view shows it."""
        owners: Claims = {}
        for member in view.members:
            if member.role == MASTER and member.node and member.slots:
                for shard in self._most_of(member.slots):
                    owners[shard] = max(owners.get(shard, (-1, "")), (member.epoch, member.node))
        return owners

    def _most_of(self, slots: SlotRanges) -> tuple[int, ...]:
        """The shards of which these slots are more than half."""
        if slots not in self._shards_of_slots:
            self._shards_of_slots[slots] = tuple(
                shard
                for shard, ranges in self._shard_slots.items()
                if 2 * overlap(slots, ranges) > sum(last - first + 1 for first, last in ranges)
            )
        return self._shards_of_slots[slots]

    def _seen_owning(self, shard: int, epoch: int, change: ViewChange) -> Instant:
        seen = self.first_seen(-math.inf, lambda view: self.claims(view).get(shard, (-1, ""))[0] >= epoch)
        return seen or Instant(change.after, change.at, VIEWS)


def _transition(
    changes: Sequence[ViewChange], since: float, shows: Callable[[View], bool]
) -> tuple[float, float] | None:
    """(last not seen, first seen) of one observer; an unreachable node's view says nothing either way."""
    last_without: float | None = None
    for number, change in enumerate(changes):
        if not change.view.reachable:
            continue
        if not shows(change.view):
            following = changes[number + 1].after if number + 1 < len(changes) else math.inf
            last_without = following
        elif last_without is not None and change.at >= since:
            return max(last_without, since), change.at
        else:
            last_without = None
    return None
