"""Disconnect: the node is taken off its network; the process lives on and hears nobody."""

from __future__ import annotations

from typing import Any

from chaos.cluster import Cluster
from chaos.drivers.driver import Executing, Networking, by_hand
from chaos.faults.fault import Effect, Fault, seen_soon
from chaos.model.node import Node
from chaos.systems.system import Answer


class Disconnect(Fault, name="disconnect"):
    """The node loses its network, clients included; reverting gives it the same address and names again."""

    needs = (Networking, Executing)
    mechanism = "the node's interface is taken off its network by the engine"

    async def inject(self, cluster: Cluster, node: Node) -> None:
        await cluster.can(Networking).disconnect(node)

    async def revert(self, cluster: Cluster, node: Node, undo: dict[str, Any]) -> None:
        await cluster.can(Networking).connect(node)

    async def effect(self, cluster: Cluster, node: Node) -> Effect:
        """From outside nobody answers; asked from within itself, the server does: it is cut off, not dead."""

        async def cut_off() -> Effect:
            answer = await cluster.ask(node.name)
            state = await cluster.driver.state(node)
            able = state.running and not state.paused  # nobody can be asked from within a dead or frozen node
            alive = able and await cluster.system.ask_inside(cluster, node)
            inside = "answers" if alive else "does not answer"
            return Effect.of(
                answer is not Answer.ANSWERS and alive,
                f"{node.name} {answer.value} from outside, and {inside} from within",
            )

        return await seen_soon(cut_off)

    def by_hand(self, cluster: Cluster, node: Node) -> str:
        return by_hand(cluster.driver, "connect", node)
