"""The load seam: traffic from a process of its own, what it is ordered to do and what it says back.

Orders travel as one JSON line each on the child's standard input, events on its standard output;
both sides share the records below. Nothing here imports Locust.
"""

from __future__ import annotations

from typing import Literal, Protocol

from chaos.model.operation import LoadProgress
from chaos.model.plan import Place
from chaos.model.record import Record
from chaos.model.view import SlotRanges


class LoadOrder(Record):
    """Everything a load needs to know, sent as the first line; the password travels nowhere else."""

    run_directory: str
    """Where `operations.bin` and `operations.json` are written."""
    load: str = "load"
    protocol: str = "redis"
    nodes: tuple[Place, ...]
    """Every node of the service; a row's `node` is an index into this list."""
    shard_slots: dict[int, SlotRanges]
    password: str | None = None
    users: int = 50
    rate: float | None = None
    """Operations per second of an open schedule; None is a closed loop."""
    writes: float = 0.5
    """The share of operations that write, 0 … 1."""
    keys: int | Literal["unique"] = 10000
    value_size: int = 64
    """Bytes."""
    timeout: float = 0.5
    """Seconds from sending to giving up, and from the intended time to giving up sending."""
    max_in_flight: int = 10000
    connect_timeout: float = 10.0
    """Seconds within which every master must be connected before traffic begins."""
    seed: int
    value_tag: str
    """Marks this run's values: the run id."""
    application_clients: int | None = None
    """How many application-like clients run beside the strict ones; None is one per shard."""

    model_config = Record.model_config | {"hide_input_in_errors": True}

    def __repr__(self) -> str:
        return f"LoadOrder({self.load})"  # the password never appears in any output

    __str__ = __repr__


class Command(Record):
    """One later line to the child."""

    command: Literal["begin", "trial", "stop"]
    number: int | None = None
    """The trial that is stamped on operations from now on."""


class LocustCount(Record):
    """What Locust's own statistics counted under one name."""

    requests: int
    failures: int


class LoadTotals(Record):
    """What a load did in all, said once it has stopped."""

    progress: LoadProgress
    operations: int
    """Rows written for the strict client."""
    application_operations: int
    """Rows written for application-like clients."""
    redirected: int
    """Operations that were sent a second time because a node answered MOVED or ASK."""
    keys: int
    """Keys are numbered 0 … keys - 1: what the final reads have to read."""
    locust: dict[str, LocustCount]
    """`"<type> <name>"` → Locust's own statistics."""
    schedule_start: float | None
    """Monotonic seconds at which operation 0 was intended; None if traffic never began."""
    cpu_seconds: float
    """Processor time of the child since it began traffic."""


class Failure(Record):
    """Why a load cannot go on."""

    reason: str


class Load(Protocol):
    """One load as the runner drives it: spawn → order → begin → trial … → stop, or kill at any time.

    Each call raises ChaosError, with the child's reason, if the load cannot go on.
    """

    async def spawn(self) -> None:
        """Starts the load's process; returns once it waits for its order. Needs no cluster yet."""

    async def order(self, order: LoadOrder) -> None:
        """Hands over the order; returns once the load is connected to every master."""

    async def begin(self) -> None:
        """Traffic starts now."""

    async def trial(self, number: int) -> None:
        """Operations intended from now on belong to this trial."""

    async def stop(self) -> LoadTotals:
        """Ends the schedule, waits for what is in flight, writes everything and ends the process."""

    async def kill(self) -> None:
        """Ends the process at once; harmless if it has ended."""
