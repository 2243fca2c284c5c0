"""Who may hear whom through the proxies before local servers: the rules as plain data, and what follows from them.

Only the standard library is imported here: the proxies start with it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

ANYBODY = "*"
"""Every node, and everybody who is none: the clients."""
OUTSIDE = ""
"""Whoever is no node of the run."""
CLIENT, BUS = "client", "bus"
KINDS = (CLIENT, BUS)


@dataclass(frozen=True, slots=True)
class Rule:
    """What `sender` says to `receiver` does not arrive, on connections of these kinds."""

    sender: str
    receiver: str
    kinds: tuple[str, ...] = KINDS

    def holds(self, sender: str, receiver: str, kind: str) -> bool:
        """Whether it keeps back what one says to the other."""
        return self.sender in (ANYBODY, sender) and self.receiver in (ANYBODY, receiver) and kind in self.kinds


def cut_off(nodes: Iterable[str]) -> list[Rule]:
    """Each of the nodes hears nobody and is heard by nobody."""
    return [rule for node in nodes for rule in (Rule(ANYBODY, node), Rule(node, ANYBODY))]


def held(rules: Collection[Rule], sender: str, receiver: str, kind: str) -> bool:
    """Whether any rule keeps back what one says to the other."""
    return any(rule.holds(sender, receiver, kind) for rule in rules)


def sealed(rules: Collection[Rule], node: str, kind: str) -> bool:
    """Whether nobody at all can get through to the node: then not even connections are taken."""
    return any(rule.sender == ANYBODY and rule.holds(ANYBODY, node, kind) for rule in rules)
