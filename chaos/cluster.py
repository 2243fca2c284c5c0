"""A running cluster: the driver, the system and the nodes, as faults and observers are given it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from chaos.drivers.driver import Driver, Executing
from chaos.errors import EnvironmentLacks
from chaos.model.node import Endpoint, Node
from chaos.model.plan import RunPlan
from chaos.model.view import ClusterView, resolve
from chaos.systems.system import Answer, System

Capability = TypeVar("Capability")

PROBE_SECONDS = 0.25
"""How long an effect probe waits for an answer: two hundred times an ordinary round trip."""


class Cluster:
    """Driver + system + nodes of one run."""

    def __init__(
        self, driver: Driver, system: System, plan: RunPlan, nodes: Sequence[Node], password: str | None
    ) -> None:
        self.driver, self.system, self.plan = driver, system, plan
        self.nodes = {node.name: node for node in nodes}
        self._password = password

    def endpoint(self, node: str) -> Endpoint:
        """How the harness and its clients reach a node."""
        place = self.plan.site.place(node)
        return Endpoint(place.reach_host, place.reach_port, self._password)

    def can(self, capability: type[Capability]) -> Capability:
        """The driver as one of its capabilities; raises EnvironmentLacks if it has not got it."""
        if not isinstance(self.driver, capability):
            raise EnvironmentLacks(f"the driver '{self.driver.name}' lacks the capability {capability.__name__}")
        return self.driver

    async def execute(self, node: str, command: Sequence[str]) -> tuple[int, str]:
        """Exit code and output of a command run inside a node; raises EnvironmentLacks where the driver cannot."""
        return await self.can(Executing).execute(self.nodes[node], command)

    def replace(self, node: Node) -> None:
        """Takes note of a node that came back with another process id."""
        self.nodes[node.name] = node

    async def view(self) -> ClusterView:
        """Who is master of which shard now, from all views that can be read."""
        return resolve(await self.system.views(self), self.plan.shard_slots, self.nodes)

    async def ask(self, node: str) -> Answer:
        """What a stranger's question to the node comes back with."""
        return await self.system.ask(self.endpoint(node), PROBE_SECONDS)
