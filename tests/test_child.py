"""A child process: its events are passed on, its end is told, and it never outlives its life pipe."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from chaos import child as child_module
from chaos.child import Child, ChildFailed
from chaos.errors import ChaosError

PRELUDE = """
import json, os, signal, sys

def say(event, **data):
    sys.stdout.write(json.dumps({"event": event, "data": data}) + "\\n")
    sys.stdout.flush()

"""
ECHO = """
say("ready", session=os.getsid(0), pid=os.getpid())
for order in sys.stdin:
    say("order", **json.loads(order))
"""
DEAF = """
signal.signal(signal.SIGTERM, signal.SIG_IGN)
say("ready")
while True:
    signal.pause()
"""


class Family:
    """Starts children from source text; keeps what they said and how they failed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.log = folder / "child.log"
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.failures: list[ChaosError] = []
        self.children: list[Child] = []

    async def start(self, source: str) -> Child:
        (self._folder / "some_child.py").write_text(PRELUDE + source)

        def heard(event: str, data: dict[str, Any]) -> None:
            self.events.append((event, data))

        child = Child("some_child", "the child", heard, self.failures.append, self.log)
        self.children.append(child)
        await child.spawn()
        return child


@pytest.fixture
async def family(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Family]:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    made = Family(tmp_path)
    yield made
    for child in made.children:
        if child.pid and _runs(child.pid):
            os.kill(child.pid, signal.SIGKILL)
        await child.end()


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.005)


async def test_events_are_passed_on_in_order(family: Family) -> None:
    """Every event of a child is passed on with its data, in the order in which it was sent."""
    child = await family.start("for number in range(500): say('count', number=number)\nsay('done')\nsys.stdin.read()")
    await child.hear("done", 20)
    assert family.events == [*(("count", {"number": number}) for number in range(500)), ("done", {})]


async def test_orders_arrive_in_order(family: Family) -> None:
    """Every order reaches the child, one JSON line each."""
    child = await family.start(ECHO)
    for number in range(100):
        child.tell({"number": number, "text": "line\nbreak"})
    await until(lambda: len(family.events) == 101)
    assert [data["number"] for event, data in family.events if event == "order"] == list(range(100))


async def test_an_event_that_came_earlier_is_heard_at_once(family: Family) -> None:
    """Waiting for an event that is already there gives its data."""
    child = await family.start(ECHO)
    await until(lambda: family.events)
    assert (await child.hear("ready", 0.001))["pid"] == child.pid


async def test_a_long_event_is_heard_whole(family: Family) -> None:
    """An event of a megabyte is one event."""
    child = await family.start("say('long', text='x' * 1_000_000)\nsys.stdin.read()")
    assert len((await child.hear("long", 20))["text"]) == 1_000_000


async def test_an_event_that_does_not_come_is_an_error(family: Family) -> None:
    """Waiting ends with its time-out and names the event; the child lives on."""
    child = await family.start(ECHO)
    await child.hear("ready", 20)
    with pytest.raises(ChildFailed, match=r"did not say 'nothing' within 0\.01 s"):
        await child.hear("nothing", 0.01)
    assert child.pid
    assert _runs(child.pid)


async def test_a_child_has_a_session_of_its_own(family: Family) -> None:
    """A child leads its own session, so that an interrupt from the keyboard does not reach it."""
    child = await family.start(ECHO)
    heard = await child.hear("ready", 20)
    assert heard["session"] == heard["pid"] == child.pid


async def test_an_unexpected_end_is_told_once(family: Family) -> None:
    """A child that ends by itself is reported once, with its exit code and where its last words stand."""
    child = await family.start("sys.exit('cannot go on')")
    await until(lambda: family.failures)
    await child.end()
    (failure,) = family.failures
    assert "exit code 1" in str(failure)
    assert str(family.log) in str(failure)
    assert "cannot go on" in family.log.read_text()


async def test_whoever_waits_hears_of_the_end(family: Family) -> None:
    """A pending wait for an event is an error as soon as the child is gone, long before its time-out."""
    child = await family.start("sys.stdin.readline()")
    waiting = asyncio.create_task(child.hear("ready", 600))
    await asyncio.sleep(0)
    child.tell({"go": 1})
    with pytest.raises(ChildFailed, match="ended by itself"):
        await waiting


async def test_waiting_for_a_child_that_is_gone_is_an_error(family: Family) -> None:
    """After the end, waiting for an event that never came fails at once; one that came is still heard."""
    child = await family.start("say('ready')")
    await until(lambda: family.failures)
    assert await child.hear("ready", 600) == {}
    with pytest.raises(ChildFailed, match="ended by itself"):
        await child.hear("more", 600)


async def test_a_killed_child_is_told_of(family: Family) -> None:
    """A child that is killed from outside is reported like one that ended by itself."""
    child = await family.start(ECHO)
    await child.hear("ready", 20)
    assert child.pid
    os.kill(child.pid, signal.SIGKILL)
    await until(lambda: family.failures)
    assert "exit code -9" in str(family.failures[0])


async def test_ending_is_no_failure(family: Family) -> None:
    """A child that is told to end by its life pipe is gone afterwards, and nobody is told of a failure."""
    child = await family.start(ECHO)
    await child.hear("ready", 20)
    await child.end()
    assert child.pid
    assert not _runs(child.pid)
    assert family.failures == []


async def test_ending_twice_is_harmless(family: Family) -> None:
    """A second end returns, and so does one of a child that was never started."""
    child = await family.start(ECHO)
    await child.end()
    await child.end()
    await Child("never", "nobody", lambda event, data: None, family.failures.append, family.log).end()
    assert family.failures == []


async def test_an_order_to_a_child_that_is_gone_is_lost(family: Family) -> None:
    """An order after the end raises nothing: the end itself is reported."""
    child = await family.start("pass")
    await until(lambda: family.failures)
    child.tell({"too": "late"})
    await child.end()
    child.tell({"even": "later"})


async def test_a_child_that_ignores_the_pipe_is_killed(family: Family, monkeypatch: pytest.MonkeyPatch) -> None:
    """A child that does not end at the end of its life pipe is killed when its time is up."""
    monkeypatch.setattr(child_module, "END_SECONDS", 0.05)
    child = await family.start(DEAF)
    await child.hear("ready", 20)
    await child.end()
    assert child.pid
    assert not _runs(child.pid)
    assert family.failures == []


async def test_words_on_standard_error_are_kept(family: Family) -> None:
    """What a child writes to its standard error stands in the log, after what stood there before."""
    family.log.write_text("earlier\n")
    child = await family.start("print('oh', file=sys.stderr, flush=True)\n" + ECHO)
    await child.hear("ready", 20)
    assert family.log.read_text() == "earlier\noh\n"


async def test_a_line_that_is_no_event_ends_the_child_loudly(family: Family) -> None:
    """What is no event on a child's standard output is a failure of the child, not silence."""
    child = await family.start("print('Traceback, perhaps', flush=True)\nsys.stdin.read()")
    with pytest.raises(ChildFailed, match="Traceback, perhaps"):
        await child.hear("ready", 20)
    assert len(family.failures) == 1
