"""Kill: the server process ends at once, as it does when a machine dies."""

from __future__ import annotations

from typing import Any, Literal

from chaos.cluster import Cluster
from chaos.drivers.driver import Lifecycle, by_hand
from chaos.faults.fault import Effect, Fault, seen_soon
from chaos.model.node import Node
from chaos.systems.system import Answer


class Kill(Fault, name="kill"):
    """The server process is sent a signal and ends; reverting starts the same node again at its address."""

    needs = (Lifecycle,)
    mechanism = "signal to the server process, sent by the engine"

    # As the first process of its container a server is spared every signal that it does not handle, and its crash
    # handler cannot end it: QUIT, ABRT and SEGV would leave it alive.
    signal: Literal["KILL", "TERM", "INT"] = "KILL"
    """The signal; all but KILL let the server say good-bye in its own way."""
    disk: Literal["kept", "emptied"] = "kept"
    """Whether the node finds its data when it comes back, or an empty disk."""

    async def inject(self, cluster: Cluster, node: Node) -> None:
        await cluster.can(Lifecycle).kill(node, self.signal)

    async def revert(self, cluster: Cluster, node: Node, undo: dict[str, Any]) -> None:
        lifecycle = cluster.can(Lifecycle)
        if self.disk == "emptied" and not (await cluster.driver.state(node)).running:
            await lifecycle.erase_data(node)
        cluster.replace(await lifecycle.start(node))

    async def effect(self, cluster: Cluster, node: Node) -> Effect:
        """A stranger finds nobody there, and the engine knows of no process: a cut network has one."""

        async def gone() -> Effect:
            answer = await cluster.ask(node.name)
            running = (await cluster.driver.state(node)).running
            process = "still runs" if running else "has ended"
            return Effect.of(
                answer in (Answer.REFUSES, Answer.UNREACHABLE) and not running,
                f"{node.name} {answer.value}, its process {process}",
            )

        return await seen_soon(gone)

    def by_hand(self, cluster: Cluster, node: Node) -> str:
        return by_hand(cluster.driver, "start", node)
