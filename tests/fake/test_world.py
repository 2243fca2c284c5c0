"""Machines in memory: on, off, frozen, cut off."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from chaos.fake.world import FIRST_PID, Machine, Program, ProgramEnded, Reach, World


class Stubborn(Program):
    """A program that only KILL ends."""

    def ends_on(self, signal: str) -> bool:
        return signal == "KILL"

    async def execute(self, words: Sequence[str]) -> tuple[int, str]:
        return 0, ""


@pytest.fixture
def world() -> World:
    made = World()
    made.programs["stubborn"] = Stubborn
    return made


@pytest.fixture
def machine(world: World) -> Machine:
    added = world.add("198.18.0.11", {}, ("stubborn",), {})
    world.boot(added)
    return added


def test_what_a_question_comes_to(world: World, machine: Machine) -> None:
    """A machine answers, is silent while frozen, refuses when off, and is absent when cut off; so is no machine."""
    seen = [machine.reach]
    machine.freeze(True)
    seen.append(machine.reach)
    machine.freeze(False)
    machine.signal("KILL")
    seen.append(machine.reach)
    machine.plug(False)
    seen.append(machine.reach)
    assert seen == [Reach.ANSWERS, Reach.SILENT, Reach.REFUSES, Reach.ABSENT]
    assert world.at("198.18.0.12") == (Reach.ABSENT, None)


def test_only_a_machine_that_is_well_hands_out_its_program(world: World, machine: Machine) -> None:
    """Nobody reaches a program past its frozen machine."""
    assert world.at(machine.address) == (Reach.ANSWERS, machine.program)
    machine.freeze(True)
    assert world.at(machine.address) == (Reach.SILENT, None)


def test_a_program_may_ignore_a_signal(machine: Machine) -> None:
    """A signal that the program does not end on leaves it running as the same process."""
    pid = machine.pid
    machine.signal("TERM")
    assert (machine.running, machine.pid) == (True, pid)
    machine.signal("KILL")
    assert (machine.running, machine.pid) == (False, None)


def test_disk_and_log_outlive_the_program(world: World, machine: Machine) -> None:
    """A machine that is started again has its disk and its log, and another process."""
    machine.disk[b"k"] = b"v"
    machine.log.append("said")
    pid = machine.pid
    machine.signal("KILL")
    world.boot(machine)
    assert (machine.disk, machine.log, machine.starts) == ({b"k": b"v"}, ["said"], 2)
    assert machine.pid != pid


def test_no_process_id_is_a_real_one(machine: Machine) -> None:
    """Process ids lie above those that a kernel gives out."""
    assert machine.pid is not None
    assert machine.pid > FIRST_PID > 4_194_304  # the largest pid_max of Linux


def test_it_is_unwell_from_the_first_trouble(machine: Machine) -> None:
    """A second trouble does not reset since when nobody is answered; the end of all of them does."""
    machine.freeze(True)
    since = machine.unwell_since
    machine.plug(False)
    assert machine.unwell_since == since is not None
    machine.freeze(False)
    assert machine.unwell_since == since
    machine.plug(True)
    assert machine.unwell_since is None


def test_an_unknown_program_does_not_start(world: World) -> None:
    """A command that names no program ends at once, and says so."""
    stranger = world.add("198.18.0.13", {}, ("no-such-server",), {})
    with pytest.raises(ProgramEnded, match="no-such-server"):
        world.boot(stranger)
    assert not stranger.running


def test_an_address_is_given_once(world: World, machine: Machine) -> None:
    """Two machines cannot have one address."""
    with pytest.raises(ValueError, match="taken"):
        world.add(machine.address, {}, ("stubborn",), {})
