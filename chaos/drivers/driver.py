"""The driver seam: where nodes live, and what starts, stops and connects them.

Every driver plans, builds, tears down and finds again what a run left. What more it can do
is a set of small capability protocols; a fault names those it needs.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, runtime_checkable

from chaos.model.node import Node
from chaos.model.plan import NodePlan, ServerIdentity, Site
from chaos.registry import Family
from chaos.scenario.language import ClusterSpec

DRIVERS: Family[Driver] = Family("driver", "chaos.drivers")


@dataclass(frozen=True, slots=True)
class RunLabel:
    """What marks everything of one run as ours: written as labels on all that a driver makes."""

    run_id: str
    host_id: str
    """Identifies the machine that runs the harness; another host's run is never cleaned unasked."""
    run_directory: str
    """The absolute path of the run directory on that machine."""


@dataclass(frozen=True, slots=True)
class EngineFacts:
    """What answered: the engine in words, and whether it runs on another machine than the harness."""

    description: str
    version: str
    remote: bool = False


@dataclass(frozen=True, slots=True)
class NodeState:
    """What the engine itself says of a node."""

    exists: bool
    running: bool = False
    paused: bool = False
    connected: bool = False
    """Joined to its cluster's network."""
    pid: int | None = None
    """The process id on this host, where it can be seen from here."""


@dataclass(frozen=True, slots=True)
class Remains:
    """What a driver found of one run, by label."""

    label: RunLabel
    nodes: tuple[str, ...]
    networks: tuple[str, ...]
    volumes: tuple[str, ...] = ()


class Driver(ABC):
    """One kind of ground for nodes. Methods raise EnvironmentLacks or NodeCallFailed."""

    name: ClassVar[str]

    def __init_subclass__(cls, *, name: str | None = None, **further: Any) -> None:
        super().__init_subclass__(**further)
        if name:
            cls.name = name
            DRIVERS.register(name, cls)

    mechanisms: ClassVar[Mapping[str, str]] = {}
    """Fault → how this driver does it, where the fault's own words do not say it."""

    def __init__(self, label: RunLabel) -> None:
        self.label = label

    def prepare_for(self, capabilities: Collection[type[Any]]) -> None:  # noqa: B027 (most drivers need no preparation)
        """Told before `reserve` which capabilities the run will use, for a driver to which one costs something."""

    @abstractmethod
    async def open(self) -> EngineFacts:
        """Finds the engine; raises EnvironmentLacks, in one line, if it does not answer."""

    @abstractmethod
    async def close(self) -> None:
        """Lets go of the engine; removes nothing."""

    @abstractmethod
    async def identify(self, spec: ClusterSpec, *, fetch: bool) -> ServerIdentity:
        """The server that will run; with `fetch`, an image is pulled by the spec's policy.

        Raises EnvironmentLacks with the command that mends it.
        """

    @abstractmethod
    async def reserve(self, spec: ClusterSpec, nodes: Sequence[str], port: int, *, dry: bool) -> Site:
        """Sets aside the network, addresses and ports for the nodes; with `dry`, only says which it would take.

        `port` is the system's usual client port; the bus port, where there is one, is port + 10000.
        Raises EnvironmentLacks for a taken subnet or port.
        """

    @abstractmethod
    async def up(self, plans: Sequence[NodePlan], server: ServerIdentity) -> list[Node]:
        """Starts all nodes in parallel; returns them in the order given."""

    @abstractmethod
    async def down(self) -> list[str]:
        """Removes everything of this run, in any state; returns what could not be removed, in words."""

    @abstractmethod
    async def attach(self, plans: Sequence[NodePlan]) -> list[Node]:
        """Finds this run's nodes again from another process; those that are gone are left out."""

    @abstractmethod
    async def remains(self) -> list[Remains]:
        """Everything that carries our labels, of any run."""

    @abstractmethod
    async def state(self, node: Node) -> NodeState:
        """What the engine says of a node, checked to be ours by label and handle."""


@runtime_checkable
class Lifecycle(Protocol):
    """Nodes can be killed, stopped and started again with their data."""

    async def kill(self, node: Node, signal: str) -> None:
        """Sends a signal (`KILL`, `TERM` …) to the server process."""

    async def start(self, node: Node) -> Node:
        """Starts the same node again at its address; returns it with its new process id. Harmless if it runs."""

    async def erase_data(self, node: Node) -> None:
        """Empties the data folder of a node that does not run."""


@runtime_checkable
class Pausing(Protocol):
    """Nodes can be frozen with their sockets open."""

    async def pause(self, node: Node) -> None: ...

    async def resume(self, node: Node) -> None:
        """Harmless if it is not paused."""


@runtime_checkable
class Networking(Protocol):
    """Nodes can be taken off their network and put back at the same address under the same names."""

    async def disconnect(self, node: Node) -> None: ...

    async def connect(self, node: Node) -> None:
        """Harmless if it is connected."""


@runtime_checkable
class Executing(Protocol):
    """Commands can be run inside a node."""

    async def execute(self, node: Node, command: Sequence[str], timeout_seconds: float = 5.0) -> tuple[int, str]:
        """Exit code and output of a command run inside the node."""


@runtime_checkable
class Logging(Protocol):
    """What a node wrote to its standard output can be read, also after it died."""

    async def logs(self, node: Node) -> str: ...


CAPABILITIES: tuple[type[Any], ...] = (Lifecycle, Pausing, Networking, Executing, Logging)


def mechanism(driver: Driver, fault: str, usual: str) -> str:
    """How the driver does a fault, in words: its own, or the usual ones."""
    return driver.mechanisms.get(fault, usual)


def by_hand(driver: Driver, action: str, node: Node) -> str:
    """The command with which a person does `action` (`start`, `resume`, `connect`) without the harness."""
    describe = getattr(driver, "command_by_hand", None)
    return str(describe(action, node)) if describe else f"{action} {node.name}"
