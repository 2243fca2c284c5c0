"""Forming a cluster while watching its nodes: one that dies ends the waiting at once, with its last words."""

from __future__ import annotations

import asyncio

from chaos.cluster import Cluster
from chaos.drivers.driver import Logging
from chaos.errors import EnvironmentLacks, NodeCallFailed
from chaos.model.node import Node

LOOK_SECONDS = 0.5
LAST_LINES = 3
"""How many lines of a dead node's log its error message shows."""


async def form(cluster: Cluster, timeout_seconds: float) -> None:
    """Forms the cluster by its system.

    Raises EnvironmentLacks with what is missing if it does not form in time or a node ends meanwhile.
    """
    forming = asyncio.ensure_future(cluster.system.form(cluster, timeout_seconds))
    dying = asyncio.ensure_future(_first_death(cluster))
    try:
        await asyncio.wait((forming, dying), return_when=asyncio.FIRST_COMPLETED)
        if forming.done() and not forming.exception():
            return
        dead = await _dead(cluster)
        if dead:
            raise EnvironmentLacks(await _obituary(cluster, dead))
        await forming
    finally:
        forming.cancel()
        dying.cancel()
        await asyncio.gather(forming, dying, return_exceptions=True)


async def _first_death(cluster: Cluster) -> None:
    await asyncio.sleep(LOOK_SECONDS)
    while not await _dead(cluster):
        await asyncio.sleep(LOOK_SECONDS)


async def _dead(cluster: Cluster) -> list[Node]:
    nodes = list(cluster.nodes.values())
    states = await asyncio.gather(*(cluster.driver.state(node) for node in nodes))
    return [node for node, state in zip(nodes, states, strict=True) if not state.running]


async def _obituary(cluster: Cluster, dead: list[Node]) -> str:
    """Who ended while the cluster was forming, and what each said last."""
    words = await asyncio.gather(*(_last_words(cluster, node) for node in dead))
    said = "; ".join(f"{node.name} said last: {text}" for node, text in zip(dead, words, strict=True))
    return f"the cluster did not form, for {', '.join(node.name for node in dead)} ended; {said}"


async def _last_words(cluster: Cluster, node: Node) -> str:
    if not isinstance(cluster.driver, Logging):
        return "nothing that can be read"
    try:
        lines = (await cluster.driver.logs(node)).strip().splitlines()
    except NodeCallFailed as error:
        return f"nothing that can be read ({error})"
    return " / ".join(lines[-LAST_LINES:]) or "nothing"
