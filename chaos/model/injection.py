"""Injections: one fault, on given nodes, from one instant to another, and how to undo it."""

from __future__ import annotations

from typing import Any

from chaos.model.record import Record

CONFIRMED, MISMATCH, INCONCLUSIVE = "confirmed", "mismatch", "inconclusive"


class LedgerEntry(Record):
    """What the ledger says of one injection: written and synced before it is made, and again at each step."""

    injection: str
    number: int
    """Counts the injections of a run from 1; the key of its entries."""
    trial: int
    fault: str
    step: str
    """`intended` (nothing done yet), `injected`, `reverted` or `undo failed`."""
    nodes: tuple[str, ...]
    handles: dict[str, str]
    """Node → the engine's handle on it, so that only what is ours is ever touched."""
    options: dict[str, Any] = {}
    """The fault's own options."""
    undo: dict[str, dict[str, Any]] = {}
    """Node → what reverting needs to know of it."""
    by_hand: tuple[str, ...] = ()
    """Commands that undo it without the harness."""
    lasting: bool = False


class InjectionRecord(Record):
    """One injection as it happened; times are monotonic seconds, None if it never came."""

    name: str
    number: int
    trial: int
    fault: str
    mechanism: str
    target: str
    nodes: tuple[str, ...]
    planned_at: float
    """Monotonic seconds at which the timeline wanted it."""
    issued_at: float
    confirmed_at: float | None = None
    """When the driver's call returned: the fault took effect between issued_at and this."""
    reverting_at: float | None = None
    reverted_at: float | None = None
    effect: str = INCONCLUSIVE
    effect_detail: str = ""
    master_of: dict[int, str] = {}
    """Shard → node, for the masters among the nodes at the moment of injection."""
