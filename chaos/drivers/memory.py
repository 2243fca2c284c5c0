"""Memory: nodes are machines of the fake world, for the harness's own tests; nothing outlives the process."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from ipaddress import IPv4Network

from chaos import __version__
from chaos.drivers.driver import Driver, EngineFacts, NodeState, Remains, RunLabel
from chaos.errors import EnvironmentLacks, NodeCallFailed
from chaos.fake.world import WORLD, Machine, Network, ProgramEnded
from chaos.model.node import Node
from chaos.model.plan import NetworkPlan, NodePlan, Place, ServerIdentity, Site
from chaos.scenario.language import ClusterSpec

RUN, NODE, HOST, DIRECTORY = "run", "node", "host", "directory"
"""The names of our labels."""
CALL_SECONDS = 0.005
"""What every call takes: an engine's calls take time, in which a run may be cancelled."""
GROUND = IPv4Network("198.18.0.0/15")
"""Where free subnets are chosen from. Nothing is ever sent there."""


class Memory(Driver, name="memory"):
    """The fake machines of the harness's own tests, with all five capabilities."""

    async def open(self) -> EngineFacts:
        return EngineFacts("machines in memory", __version__)

    async def close(self) -> None:
        pass

    async def identify(self, spec: ClusterSpec, *, fetch: bool) -> ServerIdentity:
        return ServerIdentity(asked="memory", used="memory", id="nothing fetched", version=__version__)

    # The ground

    async def reserve(self, spec: ClusterSpec, nodes: Sequence[str], port: int, *, dry: bool) -> Site:
        subnet = IPv4Network(spec.network.subnet) if spec.network.subnet else _free_subnet()
        if str(subnet) in WORLD.networks:
            raise EnvironmentLacks(f"the subnet {subnet} is taken by {WORLD.networks[str(subnet)].name}")
        name = f"chaos-{self.label.run_id}"
        if not dry:
            WORLD.networks[str(subnet)] = Network(name, str(subnet), self._labels())
        gateway = spec.network.gateway or str(subnet[1])
        hosts = [str(subnet[spec.network.first_host + number]) for number in range(len(nodes))]
        places = tuple(
            Place(node=node, host=host, port=port, bus_port=None, reach_host=host, reach_port=port)
            for node, host in zip(nodes, hosts, strict=True)
        )
        network = NetworkPlan(name=name, subnet=str(subnet), gateway=gateway, internal=spec.network.internal)
        return Site(network=network, places=places, reach="addresses")

    # Building, finding again, removing

    async def up(self, plans: Sequence[NodePlan], server: ServerIdentity) -> list[Node]:
        outcomes = await asyncio.gather(*(self._build(plan) for plan in plans), return_exceptions=True)
        for outcome in outcomes:  # only now, when no machine is on its way any more
            if isinstance(outcome, BaseException):
                raise outcome
        return [outcome for outcome in outcomes if isinstance(outcome, Node)]

    async def _build(self, plan: NodePlan) -> Node:
        labels = {**self._labels(), NODE: plan.name}
        machine = WORLD.add(plan.place.host, labels, plan.command, plan.files)
        await asyncio.sleep(CALL_SECONDS)
        return self._boot(plan, machine)

    def _boot(self, plan: NodePlan, machine: Machine) -> Node:
        try:
            WORLD.boot(machine)
        except ProgramEnded as ended:
            raise NodeCallFailed(f"start {plan.name}: it ended at once; its last words: {ended}") from ended
        return Node(plan, machine.handle, machine.pid)

    async def down(self) -> list[str]:
        await asyncio.sleep(CALL_SECONDS)
        for machine in self._own_machines():
            del WORLD.machines[machine.address]
        for network in self._own_networks():
            del WORLD.networks[network.subnet]
        return []

    async def attach(self, plans: Sequence[NodePlan]) -> list[Node]:
        await asyncio.sleep(CALL_SECONDS)
        found = {machine.labels[NODE]: machine for machine in self._own_machines()}
        return [Node(plan, found[plan.name].handle, found[plan.name].pid) for plan in plans if plan.name in found]

    async def remains(self) -> list[Remains]:
        machines, networks = WORLD.machines.values(), WORLD.networks.values()
        marks = [*(machine.labels for machine in machines), *(network.labels for network in networks)]
        labels = dict.fromkeys(RunLabel(one[RUN], one[HOST], one[DIRECTORY]) for one in marks)
        return [self._remains_of(label) for label in labels]

    def _remains_of(self, label: RunLabel) -> Remains:
        nodes = [one.labels[NODE] for one in WORLD.machines.values() if one.labels[RUN] == label.run_id]
        networks = [one.name for one in WORLD.networks.values() if one.labels[RUN] == label.run_id]
        return Remains(label, tuple(nodes), tuple(networks))

    # What the engine says of a node

    async def state(self, node: Node) -> NodeState:
        machine = self._find(node)
        if machine is None:
            return NodeState(exists=False)
        return NodeState(True, machine.running, machine.paused, machine.connected, machine.pid)

    async def logs(self, node: Node) -> str:
        return "".join(f"{line}\n" for line in self._ours(node).log)

    # Lifecycle

    async def kill(self, node: Node, signal: str) -> None:
        machine = await self._called(node)
        if not machine.running:
            raise NodeCallFailed(f"kill {node.name}: it does not run")
        machine.signal(signal)

    async def start(self, node: Node) -> Node:
        machine = await self._called(node)
        if machine.running:
            return Node(node.plan, machine.handle, machine.pid)
        return self._boot(node.plan, machine)

    async def erase_data(self, node: Node) -> None:
        machine = await self._called(node)
        if machine.running:
            raise NodeCallFailed(f"erase the data of {node.name}: it still runs")
        machine.disk.clear()

    # Pausing

    async def pause(self, node: Node) -> None:
        (await self._called(node)).freeze(True)

    async def resume(self, node: Node) -> None:
        (await self._called(node)).freeze(False)

    # Networking

    async def disconnect(self, node: Node) -> None:
        (await self._called(node)).plug(False)

    async def connect(self, node: Node) -> None:
        (await self._called(node)).plug(True)

    # Executing

    async def execute(self, node: Node, command: Sequence[str], timeout_seconds: float = 5.0) -> tuple[int, str]:
        machine = await self._called(node)
        if machine.program is None or not machine.running or machine.paused:
            raise NodeCallFailed(f"run {command[0]} in {node.name}: it does not run, or is paused")
        try:
            async with asyncio.timeout(timeout_seconds):
                return await machine.program.execute(command)
        except TimeoutError as error:
            raise NodeCallFailed(f"run {command[0]} in {node.name}: no end within {timeout_seconds:g} s") from error

    # Ours and not ours

    def _labels(self) -> dict[str, str]:
        return {RUN: self.label.run_id, HOST: self.label.host_id, DIRECTORY: self.label.run_directory}

    def _own_machines(self) -> list[Machine]:
        return [one for one in WORLD.machines.values() if one.labels[RUN] == self.label.run_id]

    def _own_networks(self) -> list[Network]:
        return [one for one in WORLD.networks.values() if one.labels[RUN] == self.label.run_id]

    def _find(self, node: Node) -> Machine | None:
        """The node's machine, None if it is gone; raises NodeCallFailed if the handle leads to a stranger."""
        machine = WORLD.with_handle(node.handle)
        if machine and (machine.labels[RUN], machine.labels[NODE]) != (self.label.run_id, node.name):
            raise NodeCallFailed(f"{node.handle} is not {node.name} of this run; it is left alone")
        return machine

    def _ours(self, node: Node) -> Machine:
        machine = self._find(node)
        if machine is None:
            raise NodeCallFailed(f"{node.name} is gone: there is no {node.handle}")
        return machine

    async def _called(self, node: Node) -> Machine:
        """The node's machine, checked to be ours, once a call has taken its time."""
        self._ours(node)
        await asyncio.sleep(CALL_SECONDS)
        return self._ours(node)


def _free_subnet() -> IPv4Network:
    return next(subnet for subnet in GROUND.subnets(new_prefix=24) if str(subnet) not in WORLD.networks)
