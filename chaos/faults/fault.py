"""The fault seam: a kind of thing going wrong, how to do it, undo it, and see that it happened.

A fault's fields are its options: parser, validator, reference page and schema come from them.
Who is hit, when, for how long, and what is written to the ledger stands once, in the runner.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar

from pydantic import ConfigDict

from chaos import clock
from chaos.cluster import Cluster
from chaos.model.injection import CONFIRMED, MISMATCH
from chaos.model.node import Node
from chaos.model.record import Record
from chaos.registry import Family

FAULTS: Family[Fault] = Family("fault", "chaos.faults")


EFFECT_SECONDS = 2.0
"""How long an effect may take to show after the driver has confirmed the injection."""
LOOK_AGAIN_SECONDS = 0.05


class Effect(Record):
    """What an independent probe saw of a fault on one node."""

    effect: str
    detail: str = ""

    @classmethod
    def of(cls, seen: bool, detail: str) -> Effect:
        return cls(effect=CONFIRMED if seen else MISMATCH, detail=detail)


class Fault(Record, ABC):
    """One fault with its options."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    name: ClassVar[str]
    needs: ClassVar[tuple[type[Any], ...]]
    """The driver capabilities without which a scenario with this fault is refused."""
    mechanism: ClassVar[str]
    """How it is done, in words for the result."""
    lasting: ClassVar[bool] = False
    """True for a change that stays: it is never reverted."""

    def __init_subclass__(cls, *, name: str | None = None, **further: Any) -> None:
        super().__init_subclass__(**further)
        if name:
            cls.name = name
            FAULTS.register(name, cls)

    async def prepare(self, cluster: Cluster, node: Node) -> dict[str, Any]:
        """Plain data needed to undo it on this node, from a look at the node before anything is done."""
        return {}

    @abstractmethod
    async def inject(self, cluster: Cluster, node: Node) -> None:
        """Does it to one node; returns once the driver confirms it."""

    @abstractmethod
    async def revert(self, cluster: Cluster, node: Node, undo: dict[str, Any]) -> None:
        """Undoes it on one node: looks at the state first, is harmless when repeated, works in a new process."""

    @abstractmethod
    async def effect(self, cluster: Cluster, node: Node) -> Effect:
        """Whether it really happened, by a probe that does not share the mechanism."""

    @abstractmethod
    def by_hand(self, cluster: Cluster, node: Node) -> str:
        """The command that undoes it without the harness."""


async def seen_soon(probe: Callable[[], Awaitable[Effect]], seconds: float = EFFECT_SECONDS) -> Effect:
    """Probes until the effect is confirmed, `seconds` at most; the last look counts."""
    until = clock.now() + seconds
    while True:
        effect = await probe()
        if effect.effect == CONFIRMED or clock.now() >= until:
            return effect
        await asyncio.sleep(LOOK_AGAIN_SECONDS)
