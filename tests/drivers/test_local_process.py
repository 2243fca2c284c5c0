"""Processes of this machine, told apart from later ones with the same number."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from dataclasses import replace

import pytest

from chaos.drivers import _local_process as processes
from chaos.drivers._local_process import Process


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A process of our own that does nothing, in a group of its own."""
    process = subprocess.Popen(["sleep", "60"], start_new_session=True)
    yield process
    process.kill()
    process.wait()


@pytest.fixture
def known(sleeper: subprocess.Popen[bytes]) -> Process:
    found = processes.identify(sleeper.pid)
    assert found is not None
    return found


def test_a_living_process_is_recognised(known: Process) -> None:
    """The same process has the same mark at every look, and is not stopped."""
    seen = processes.state_of(known)
    assert seen is not None
    assert not seen.stopped


def test_both_ways_of_looking_find_it(sleeper: subprocess.Popen[bytes]) -> None:
    """`ps`, for systems without /proc, sees the same living process, with a mark of its own."""
    state, mark = processes._look_by_ps(sleeper.pid) or ("", "")
    assert state == "S"
    assert mark


def test_another_process_with_the_number_is_not_taken_for_it(known: Process, sleeper: subprocess.Popen[bytes]) -> None:
    """A number whose mark has changed belongs to a stranger: it is not seen, and no signal is sent to it."""
    stranger = replace(known, mark="another boot/1")
    assert processes.state_of(stranger) is None
    assert not processes.send(stranger, signal.SIGKILL, group=True)
    assert sleeper.poll() is None


async def test_a_stopped_process_is_seen_as_stopped(known: Process) -> None:
    """SIGSTOP and SIGCONT are seen by what the system says of the process."""
    assert processes.send(known, signal.SIGSTOP, group=True)
    assert await processes.became(known, stopped=True)
    assert processes.send(known, signal.SIGCONT, group=True)
    assert await processes.became(known, stopped=False)


async def test_a_process_that_was_not_buried_has_ended(known: Process) -> None:
    """A killed process has ended although its parent has not taken note of it yet."""
    assert processes.send(known, signal.SIGKILL, group=False)
    assert await processes.ended(known)
    assert not processes.send(known, signal.SIGTERM, group=False)


async def test_waiting_for_an_end_is_given_up(known: Process) -> None:
    """A process that lives on is reported as such."""
    assert not await processes.ended(known, seconds=0.01)
