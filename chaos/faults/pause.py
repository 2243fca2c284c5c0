"""Pause: the process is frozen; its sockets stay open and nothing answers, as on a stalled machine."""

from __future__ import annotations

from typing import Any

from chaos.cluster import Cluster
from chaos.drivers.driver import Pausing, by_hand
from chaos.faults.fault import Effect, Fault, seen_soon
from chaos.model.node import Node
from chaos.systems.system import Answer


class Pause(Fault, name="pause"):
    """The node is frozen with its sockets open; reverting lets it go on where it stood."""

    needs = (Pausing,)
    mechanism = "freezer of the node's container"

    async def inject(self, cluster: Cluster, node: Node) -> None:
        await cluster.can(Pausing).pause(node)

    async def revert(self, cluster: Cluster, node: Node, undo: dict[str, Any]) -> None:
        await cluster.can(Pausing).resume(node)

    async def effect(self, cluster: Cluster, node: Node) -> Effect:
        """The node's port still accepts a stranger's question, and nobody answers it."""

        async def silent() -> Effect:
            answer = await cluster.ask(node.name)
            return Effect.of(answer is Answer.SILENT, f"{node.name} {answer.value}")

        return await seen_soon(silent)

    def by_hand(self, cluster: Cluster, node: Node) -> str:
        return by_hand(cluster.driver, "resume", node)
