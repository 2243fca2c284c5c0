"""The fake world: machines that exist in memory only, for the harness's own tests.

A machine runs one program, which may stop, freeze or lose its network as a real one does. Everybody
in this process shares one world, as everybody on a host shares its network. Time is that of the
running loop, so that under a fake clock nothing here takes any.
"""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from chaos import clock

FIRST_PID = 10_000_000
"""Above every process id that a kernel gives out: none of ours is ever taken for a real one."""


class Reach(Enum):
    """What becomes of a question to an address."""

    ANSWERS = "answers"
    SILENT = "the machine takes it and says nothing"
    REFUSES = "no program listens there"
    ABSENT = "nothing is at the address"


class ProgramEnded(Exception):
    """A program would not start; carries its last words."""


class Program(ABC):
    """A server that runs on a machine. One is made at each start; what is to outlive it stands on the disk."""

    def __init__(self, machine: Machine) -> None:
        """Starts it; raises ProgramEnded with its last words if it will not run."""
        self.machine = machine

    def ends_on(self, signal: str) -> bool:
        """Whether the program ends when it is sent the signal; a program that lives on has ignored it."""
        return True

    @abstractmethod
    async def execute(self, words: Sequence[str]) -> tuple[int, str]:
        """Exit code and output of a command run beside the program, on its machine."""


@dataclass(eq=False)
class Machine:
    """One machine, on or off, with a disk and a log that outlive its program."""

    handle: str
    address: str
    labels: Mapping[str, str]
    command: tuple[str, ...]
    files: Mapping[str, str]
    disk: dict[bytes, bytes] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    running: bool = False
    paused: bool = False
    connected: bool = True
    pid: int | None = None
    starts: int = 0
    program: Program | None = None
    """The one that runs, or ran last."""
    unwell_since: float | None = None
    """Since when nobody is answered, in the loop's seconds; None while everybody is."""

    @property
    def well(self) -> bool:
        return self.reach is Reach.ANSWERS

    @property
    def reach(self) -> Reach:
        """What a question from outside comes to."""
        if not self.connected:
            return Reach.ABSENT
        if not self.running:
            return Reach.REFUSES
        return Reach.SILENT if self.paused else Reach.ANSWERS

    def start(self, pid: int, make: Callable[[Machine], Program]) -> None:
        """Starts the program; raises ProgramEnded if it will not run, and then nothing runs."""
        self.starts += 1
        self.program = make(self)
        self.running, self.paused, self.pid = True, False, pid
        self._changed()

    def signal(self, name: str) -> None:
        """Sends a signal to the program; `KILL` is ignored by none but those made to."""
        if self.program and self.program.ends_on(name):
            self.running, self.paused, self.pid = False, False, None
            self._changed()

    def freeze(self, frozen: bool) -> None:
        """Halts the program where it stands, or lets it go on."""
        self.paused = frozen
        self._changed()

    def plug(self, connected: bool) -> None:
        """Joins the machine to its network at its address, or takes it off."""
        self.connected = connected
        self._changed()

    def _changed(self) -> None:
        if self.well:
            self.unwell_since = None
        elif self.unwell_since is None:
            self.unwell_since = clock.now()


@dataclass(frozen=True, slots=True)
class Network:
    """A range of addresses that belongs to somebody."""

    name: str
    subnet: str
    labels: Mapping[str, str]


class World:
    """All machines and networks, and the programs that can be started on them."""

    def __init__(self) -> None:
        self.machines: dict[str, Machine] = {}
        """Address → machine."""
        self.networks: dict[str, Network] = {}
        """Subnet → network."""
        self.programs: dict[str, Callable[[Machine], Program]] = {}
        """First word of a command → what it starts."""
        self._numbers = itertools.count(1)

    def add(
        self, address: str, labels: Mapping[str, str], command: tuple[str, ...], files: Mapping[str, str]
    ) -> Machine:
        """A new machine that is off; raises ValueError if the address is taken."""
        if address in self.machines:
            raise ValueError(f"the address {address} is taken")
        handle = f"machine-{next(self._numbers)}"
        machine = self.machines[address] = Machine(handle, address, labels, command, files)
        return machine

    def boot(self, machine: Machine) -> None:
        """Starts a machine's program; raises ProgramEnded with its last words."""
        make = self.programs.get(machine.command[0])
        if make is None:
            raise ProgramEnded(f"{machine.command[0]}: no such program")
        machine.start(FIRST_PID + next(self._numbers), make)

    def with_handle(self, handle: str) -> Machine | None:
        return next((machine for machine in self.machines.values() if machine.handle == handle), None)

    def at(self, address: str) -> tuple[Reach, Program | None]:
        """What a question to the address comes to, and the program that takes it, if one does."""
        machine = self.machines.get(address)
        if machine is None:
            return Reach.ABSENT, None
        return machine.reach, machine.program if machine.well else None


WORLD = World()
"""The one world of this process."""
