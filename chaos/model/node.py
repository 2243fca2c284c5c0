"""A node: a process we run, as driver, system and faults know it."""

from __future__ import annotations

from dataclasses import dataclass

from chaos.model.plan import NodePlan


@dataclass(frozen=True, slots=True)
class Endpoint:
    """How a client reaches one node, with the secrets it needs."""

    host: str
    port: int
    password: str | None = None

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    def __repr__(self) -> str:
        return f"Endpoint({self.host}:{self.port})"  # the password never appears in any output


@dataclass(frozen=True, slots=True)
class Node:
    """One running node: its plan and the engine's own handle on it."""

    plan: NodePlan
    handle: str
    """The container id, or the folder of a local server: what stays the same when the node comes back."""
    pid: int | None
    """The server's process id on *this* host; None where it cannot be seen from here."""

    @property
    def name(self) -> str:
        return self.plan.name
