"""Docker: nodes are containers on a bridge network of their own, all labelled with the run they belong to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from chaos.drivers import _docker_images as images
from chaos.drivers import _docker_remains as remains
from chaos.drivers._docker_container import NODE, RUN, Container, Names, create, empty_volume, endpoint
from chaos.drivers._docker_engine import NOT_FOUND, Engine, EngineRefused
from chaos.drivers._docker_site import reserve
from chaos.drivers.driver import Driver, EngineFacts, NodeState, Remains, RunLabel
from chaos.errors import ChaosError, EnvironmentLacks, NodeCallFailed
from chaos.model.node import Node
from chaos.model.plan import NodePlan, ServerIdentity, Site
from chaos.scenario.language import ClusterSpec

if TYPE_CHECKING:
    from docker import APIClient

Result = TypeVar("Result")

_LAST_WORDS = 400
"""Characters of a dead node's log that its error message shows."""


class Docker(Driver, name="docker"):
    """Containers on one Docker engine, with all five capabilities."""

    def __init__(self, label: RunLabel) -> None:
        super().__init__(label)
        self._names = Names(label)
        self._opened: Engine | None = None
        self._published: dict[str, int] = {}
        """Node → the host port that its client port is published at."""

    @property
    def _engine(self) -> Engine:
        if self._opened is None:
            raise ChaosError("the Docker driver is not open")
        return self._opened

    async def open(self) -> EngineFacts:
        self._opened = await Engine.open()
        return self._opened.facts

    async def close(self) -> None:
        if self._opened:
            self._opened.close()
            self._opened = None

    # The image

    async def identify(self, spec: ClusterSpec, *, fetch: bool) -> ServerIdentity:
        if spec.binary is not None:
            raise EnvironmentLacks(
                "cluster.binary names a program of this machine, and the driver 'docker' runs images; "
                "leave it out, or choose the driver 'local'"
            )
        return await images.identify(self._engine, spec.image, spec.pull, fetch=fetch)

    async def build_image(self, name: str) -> ServerIdentity:
        """Makes an image of a server (`redis`, `valkey`) from this machine's own binaries.

        Raises UnknownName for another server, EnvironmentLacks for a missing binary.
        """
        return await images.build(self._engine, name)

    # The ground

    async def reserve(self, spec: ClusterSpec, nodes: Sequence[str], port: int, *, dry: bool) -> Site:
        try:
            reserved = await reserve(self._engine, self._names, spec, nodes, port, dry=dry)
        except ChaosError:
            if not dry:
                await self.down()  # the network may already be there
            raise
        self._published = reserved.published
        return reserved.site

    # Building, finding again, removing

    async def up(self, plans: Sequence[NodePlan], server: ServerIdentity) -> list[Node]:
        outcomes = await asyncio.gather(*(self._build(plan, server) for plan in plans), return_exceptions=True)
        for outcome in outcomes:  # only now, when no container is on its way any more
            if isinstance(outcome, BaseException):
                raise outcome
        return [outcome for outcome in outcomes if isinstance(outcome, Node)]

    async def _build(self, plan: NodePlan, server: ServerIdentity) -> Node:
        published = self._published.get(plan.name)
        # The loopback of a remote engine is not ours: there the port has to be open to the outside.
        interface = "0.0.0.0" if self._engine.address.remote else "127.0.0.1"

        def build(api: APIClient) -> Container:
            container = create(api, self._names, plan, server.id, published, interface)
            api.start(container)
            return Container.read(api.inspect_container(container))

        try:
            container = await self._engine.call(f"start {plan.name}", build, building=True)
        except EngineRefused as refused:
            if published and ("already allocated" in refused.reason or "already in use" in refused.reason):
                raise EnvironmentLacks(f"start {plan.name}: the host port {published} was taken meanwhile") from refused
            raise
        return await self._alive(Node(plan, container.id, container.pid), container)

    async def _alive(self, node: Node, container: Container) -> Node:
        """The node, if its server survived its start; raises NodeCallFailed with its last words."""
        if container.running:
            return node
        said = " ".join((await self.logs(node)).split())[-_LAST_WORDS:]
        raise NodeCallFailed(f"start {node.name}: it ended at once; its last words: {said or 'none'}")

    async def down(self) -> list[str]:
        await self._engine.quiet()
        return await remains.remove(self._engine, await remains.find(self._engine, self.label.run_id))

    async def remains(self) -> list[Remains]:
        return remains.by_run(await remains.find(self._engine))

    async def attach(self, plans: Sequence[NodePlan]) -> list[Node]:
        label = {"label": [f"{RUN}={self.label.run_id}", NODE]}
        listed = await self._engine.call(
            "list containers", lambda api: api.containers(all=True, filters=label), reading=True
        )
        handles = {said["Labels"][NODE]: said["Id"] for said in listed}
        nodes = [Node(plan, handles[plan.name], None) for plan in plans if plan.name in handles]
        found = await asyncio.gather(*(self._find(node) for node in nodes))
        return [
            Node(node.plan, node.handle, container.pid)
            for node, container in zip(nodes, found, strict=True)
            if container
        ]

    # What the engine says of a node

    async def state(self, node: Node) -> NodeState:
        container = await self._find(node)
        if container is None:
            return NodeState(exists=False)
        return NodeState(
            exists=True,
            running=container.running,
            paused=container.paused,
            connected=self._names.network in container.networks,
            pid=container.pid,
        )

    async def logs(self, node: Node) -> str:
        await self._ours(node)
        raw = await self._engine.call(
            f"read the log of {node.name}", lambda api: api.logs(node.handle, stdout=True, stderr=True), reading=True
        )
        return bytes(raw).decode(errors="replace")

    async def _find(self, node: Node) -> Container | None:
        """The node's container, None if it is gone; raises NodeCallFailed if the handle leads to a stranger."""
        try:
            said = await self._engine.call(
                f"look at {node.name}", lambda api: api.inspect_container(node.handle), reading=True
            )
        except EngineRefused as refused:
            if refused.status == NOT_FOUND:
                return None
            raise
        container = Container.read(said)
        marks = (container.id, container.labels.get(RUN), container.labels.get(NODE))
        if marks != (node.handle, self.label.run_id, node.name):
            raise NodeCallFailed(f"the container {container.name} is not {node.name} of this run; it is left alone")
        return container

    async def _ours(self, node: Node) -> Container:
        """The node's container, checked before each call that touches it; raises NodeCallFailed if it is gone."""
        container = await self._find(node)
        if container is None:
            raise NodeCallFailed(f"{node.name} is gone: the engine has no container {node.handle[:12]}")
        return container

    async def _do(self, what: str, node: Node, work: Callable[[APIClient], Result]) -> Result:
        return await self._engine.call(f"{what} {node.name}", work)

    # Lifecycle

    async def kill(self, node: Node, signal: str) -> None:
        if not (await self._ours(node)).running:
            raise NodeCallFailed(f"kill {node.name}: it does not run")
        await self._do("kill", node, lambda api: api.kill(node.handle, signal))

    async def start(self, node: Node) -> Node:
        container = await self._ours(node)
        if not container.running:
            await self._do("start", node, lambda api: api.start(node.handle))
            container = await self._ours(node)
        return await self._alive(Node(node.plan, container.id, container.pid), container)

    async def erase_data(self, node: Node) -> None:
        """Empties the node's volume by a short-lived container of the same image."""
        container = await self._ours(node)
        if container.running:
            raise NodeCallFailed(f"erase the data of {node.name}: it still runs")
        status = await self._engine.call(
            f"erase the data of {node.name}",
            lambda api: empty_volume(api, self._names, node.plan, container.image),
            building=True,
        )
        if status:
            raise NodeCallFailed(f"erase the data of {node.name}: find and rm ended with {status}")

    # Pausing

    async def pause(self, node: Node) -> None:
        if not (await self._ours(node)).paused:
            await self._do("pause", node, lambda api: api.pause(node.handle))

    async def resume(self, node: Node) -> None:
        if (await self._ours(node)).paused:
            await self._do("resume", node, lambda api: api.unpause(node.handle))

    # Networking

    async def disconnect(self, node: Node) -> None:
        network = self._names.network
        if network in (await self._ours(node)).networks:
            await self._do("disconnect", node, lambda api: api.disconnect_container_from_network(node.handle, network))

    async def connect(self, node: Node) -> None:
        network = self._names.network
        if network not in (await self._ours(node)).networks:
            await self._do(
                "connect",
                node,
                lambda api: api.connect_container_to_network(node.handle, network, **endpoint(node.plan)),
            )

    # Executing

    async def execute(self, node: Node, command: Sequence[str], timeout_seconds: float = 5.0) -> tuple[int, str]:
        await self._ours(node)

        def run(api: APIClient) -> tuple[int, str]:
            call = api.exec_create(node.handle, list(command))["Id"]
            output = bytes(api.exec_start(call))
            return int(api.exec_inspect(call)["ExitCode"]), output.decode(errors="replace")

        return await self._engine.call(f"run {command[0]} in {node.name}", run, timeout_seconds=timeout_seconds)

    def command_by_hand(self, action: str, node: Node) -> str:
        """The docker command for `start`, `resume`, `connect`, `kill`, `pause` or `disconnect`."""
        name, network = self._names.container(node.name), self._names.network
        place = endpoint(node.plan)
        aliases = " ".join(f"--alias {alias}" for alias in place["aliases"])
        commands = {
            "start": f"docker start {name}",
            "kill": f"docker kill {name}",
            "pause": f"docker pause {name}",
            "resume": f"docker unpause {name}",
            "disconnect": f"docker network disconnect {network} {name}",
            "connect": f"docker network connect --ip {place['ipv4_address']} {aliases} {network} {name}",
        }
        return commands[action]
