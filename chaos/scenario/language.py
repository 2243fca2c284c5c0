"""The scenario as validated: frozen records with every default filled in, durations in seconds."""

from __future__ import annotations

from typing import Any, Literal

from chaos.model.record import Record
from chaos.scenario.bounds import Bound
from chaos.scenario.targets import Target


class NetworkSpec(Record):
    """The cluster's own network; with no subnet, a free /24 of 198.18.0.0/15 is chosen."""

    subnet: str | None = None
    gateway: str | None = None
    internal: bool = False
    first_host: int = 11
    """The host number of the first node; the others follow."""


class ClusterSpec(Record):
    """What to build."""

    system: str = "redis-cluster"
    image: str = "redis:7.2-alpine"
    binary: str | None = None
    """The path of the server binary that local processes run; None takes what is found."""
    pull: Literal["missing", "always", "never"] = "missing"
    shards: int = 3
    replicas: int = 1
    """Replicas per shard."""
    config: dict[str, tuple[str, ...]] = {}
    """The server's own directives and words; a directive given as a list is repeated."""
    network: NetworkSpec = NetworkSpec()
    reach: Literal["auto", "addresses", "ports"] = "auto"
    publish: bool = False
    """Publish each node's client port on 127.0.0.1 (done by itself when reach is `ports`)."""
    password_variable: str | None = None
    """The environment variable that holds the password (`password: env NAME`); never its value."""


class LoadSpec(Record):
    """What traffic to drive."""

    name: str = "load"
    users: int = 50
    rate: float | None = None
    """Operations per second of an open schedule; None is a closed loop."""
    writes: float = 0.5
    """The share of operations that write, 0 … 1."""
    keys: int | Literal["unique"] = 10000
    value_size: int = 64
    """Bytes."""
    timeout: float = 0.5
    """Seconds; an answer after it counts as unknown."""
    max_in_flight: int = 10000


class FaultEntry(Record):
    """One entry of `faults`."""

    name: str
    at: float
    hold: float | None = None
    """`for`: seconds from the instant the fault took effect; None until the end of `duration`."""
    fault: str
    target: Target
    options: dict[str, Any] = {}
    """The fault's own options, as validated by its model."""


class Scope(Record):
    """Where an expectation looks: the whole trial, a time before, during or after a fault, some shards, or a load."""

    kind: Literal["trial", "before", "during", "after", "shard", "other shards", "load"] = "trial"
    name: str | None = None
    """The injection or load meant, or the shard's number as text."""

    def __str__(self) -> str:
        return self.kind if self.name is None else f"{self.kind} {self.name}"


class ExpectEntry(Record):
    """One bound that must hold."""

    check: str
    scope: Scope = Scope()
    bound: Bound


class Scenario(Record):
    """One scenario file."""

    name: str
    description: str = ""
    cluster: ClusterSpec
    load: LoadSpec | None = None
    warmup: float = 5.0
    faults: tuple[FaultEntry, ...] = ()
    duration: float = 30.0
    settle: float = 60.0
    """Seconds that convergence and redundancy are awaited after everything is healed."""
    seed: int | None = None
    expect: tuple[ExpectEntry, ...] = ()
