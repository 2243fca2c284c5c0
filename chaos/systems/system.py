"""The system seam: the software under test, how to plan, form, read and write it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, ClassVar, Protocol

from chaos.model.evidence import NodeLogEvent
from chaos.model.node import Endpoint, Node
from chaos.model.plan import NodePlan, RunPlan, ServerIdentity, Setting, Site
from chaos.model.result import Prediction
from chaos.model.view import SlotRanges, View
from chaos.registry import Family
from chaos.scenario.language import ClusterSpec

SYSTEMS: Family[System] = Family("system", "chaos.systems")


SECRET = "{{password}}"
"""Stands for the password in planned files, inside double quotes; it is filled in on the way to the driver only."""


class Answer(Enum):
    """What a stranger's question to a node comes back with."""

    ANSWERS = "answers"
    SILENT = "accepts the connection and says nothing"
    REFUSES = "refuses the connection"
    UNREACHABLE = "cannot be reached"


@dataclass(frozen=True, slots=True)
class SystemPlan:
    """The part of a run's plan that the system decides."""

    nodes: tuple[NodePlan, ...]
    shard_slots: Mapping[int, SlotRanges]
    settings: tuple[Setting, ...]


def with_secret(plan: NodePlan, password: str | None) -> NodePlan:
    """The plan as a driver needs it: with the password in its files. It is never written down.

    Quotes and backslashes are escaped, for the placeholder stands inside double quotes.
    """
    if password is None:
        return plan
    escaped = password.replace("\\", "\\\\").replace('"', '\\"')
    files = {path: text.replace(SECRET, escaped) for path, text in plan.files.items()}
    return plan.model_copy(update={"files": files})


class LiveNodes(Protocol):
    """What a system is given of a running cluster."""

    @property
    def plan(self) -> RunPlan: ...

    @property
    def nodes(self) -> Mapping[str, Node]: ...

    def endpoint(self, node: str) -> Endpoint: ...

    async def execute(self, node: str, command: Sequence[str]) -> tuple[int, str]:
        """Exit code and output of a command run inside a node."""


class System(ABC):
    """One clustered store. A member of the family is one file."""

    name: ClassVar[str]
    protocol: ClassVar[str]
    """The workload protocol: which load users and observers go with it."""
    port: ClassVar[int]
    sentence: ClassVar[str]
    """What it is, for lists."""
    reserved_config: ClassVar[Mapping[str, str]] = {}
    """Server directives a scenario may not set, each with the reason and what to write instead."""
    least_shards: ClassVar[int] = 1

    def __init_subclass__(cls, *, name: str | None = None, **further: Any) -> None:
        super().__init_subclass__(**further)
        if name:
            cls.name = name
            SYSTEMS.register(name, cls)

    async def close(self) -> None:  # noqa: B027 (most systems keep nothing to close)
        """Closes whatever connections it keeps to nodes."""

    @abstractmethod
    def node_names(self, spec: ClusterSpec) -> tuple[str, ...]:
        """The names of all nodes, in order."""

    @abstractmethod
    def plan(self, spec: ClusterSpec, site: Site, server: ServerIdentity, *, secured: bool, run_id: str) -> SystemPlan:
        """Every node with its command, files and place; a password stands in the files as SECRET."""

    @abstractmethod
    async def form(self, cluster: LiveNodes, timeout_seconds: float) -> None:
        """Makes one cluster of the started nodes and waits until it is as planned, converged and redundant.

        Every setting that only serves forming is set back before it returns.
        Raises EnvironmentLacks with what is missing if it does not form in time.
        """

    @abstractmethod
    async def views(self, cluster: LiveNodes) -> list[View]:
        """What every node believes now; an unreachable one is marked so."""

    @abstractmethod
    async def ask(self, endpoint: Endpoint, timeout_seconds: float) -> Answer:
        """What a plain question to one node comes back with, on a new connection."""

    @abstractmethod
    async def ask_inside(self, cluster: LiveNodes, node: Node) -> bool:
        """Whether the node answers a question asked from within itself, past its network."""

    @abstractmethod
    async def version(self, cluster: LiveNodes) -> str:
        """The server version a live node states."""

    @abstractmethod
    async def final_reads(self, cluster: LiveNodes, keys: int) -> bytes:
        """Every key of the load read from its master, as rows of FINAL_READ_FIELDS."""

    @abstractmethod
    def canary_keys(self, shard_slots: Mapping[int, SlotRanges]) -> dict[int, str]:
        """Shard → a key that lives in it and that no load writes."""

    @abstractmethod
    def read_log(self, plan: RunPlan, node: str, text: str, wall_offset: float) -> list[NodeLogEvent]:
        """The events in one node's log; `wall_offset` is wall minus monotonic seconds."""

    @abstractmethod
    def predict(self, plan: RunPlan, server_version: str | None) -> Prediction | None:
        """The interval of `serving` after a master's death, from the server's own rules; None if no rule is known."""
