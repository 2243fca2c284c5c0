"""Routes: which node serves a slot, as the strict client believes it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from chaos.model.plan import Place
from chaos.wire.slots import SLOTS

UNKNOWN_NODE = -1


class Routes:
    """The slot table, learnt from CLUSTER SLOTS (every server from Redis 3 has it) and from MOVED replies."""

    def __init__(self, nodes: Sequence[Place]) -> None:
        self._index = {(place.host, place.port): index for index, place in enumerate(nodes)}
        self._nodes = nodes
        self.table = [UNKNOWN_NODE] * SLOTS
        """Slot → index of the node that serves it."""

    def node_at(self, host: str, port: int, told_by: int) -> int | None:
        """The node that a reply names by its announced address; None for a stranger.

        An empty host means "the host you asked": the node `told_by` itself says so.
        """
        return self._index.get((host or self._nodes[told_by].host, port))

    def learn(self, reply: Any, told_by: int, answers: Callable[[int], bool] = lambda node: True) -> bool:
        """Takes over a CLUSTER SLOTS reply; returns whether any slot has another owner now.

        A slot that the reply does not mention, or gives to a stranger, keeps the owner it had. So it
        does where the reply would take it from a node that answers to one that does not: such a reply
        is older than what is known.
        """
        before = self.table.copy()
        dead_ends = {node for node in range(len(self._nodes)) if not answers(node)}
        for first, last, owner, *_ in reply:
            node = self.node_at(owner[0].decode() if owner[0] else "", owner[1], told_by)
            if node is None:
                continue
            if node in dead_ends and not self.owners(first, last) <= {*dead_ends, UNKNOWN_NODE}:
                continue
            self.table[first : last + 1] = [node] * (last - first + 1)
        return self.table != before

    def owners(self, first: int, last: int) -> set[int]:
        """Who serves a range of slots now."""
        return set(self.table[first : last + 1])

    def masters(self) -> set[int]:
        """The indices of all nodes that serve a slot."""
        return set(self.table) - {UNKNOWN_NODE}

    def uncovered(self) -> int:
        """How many slots have no known owner."""
        return self.table.count(UNKNOWN_NODE)
