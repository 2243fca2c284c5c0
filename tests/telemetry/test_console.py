"""The consoles tell people what happens, and nothing that the events do not say."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import pty
import threading
from collections.abc import Callable, Iterator
from typing import TextIO

import pytest

from chaos.clock import VirtualTimeLoop
from chaos.model.event import EVENTS, Event
from chaos.model.plan import RunPlan
from chaos.telemetry.console import LiveConsole, PlainConsole, PlanFacts, frame, make_console
from chaos.telemetry.picture import Picture
from chaos.telemetry.sentences import NOT_SAID, SAID
from chaos.telemetry.stream import Stream

Story = Callable[..., list[Event]]

FACTS = PlanFacts(
    shard_of={f"redis-{number}": (number - 1) % 3 + 1 for number in range(1, 7)},
    phase_seconds={"warmup": 5.0, "timeline": 45.0},
)


class Terminal:
    """A real pseudo-terminal: a stream to write to, and what came out of it."""

    def __init__(self) -> None:
        self._reading, writing = pty.openpty()
        self.stream: TextIO = os.fdopen(writing, "w", encoding="utf-8")
        self._out = bytearray()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def shown(self) -> str:
        """Everything written to it; nothing more can be written then."""
        self.stream.close()
        self._reader.join()
        return self._out.decode()

    def _read(self) -> None:
        with contextlib.suppress(OSError):  # Linux ends a terminal whose writer is gone with an error
            while block := os.read(self._reading, 4096):
                self._out += block
        os.close(self._reading)


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    opened = Terminal()
    yield opened
    opened.shown()


def plain(events: list[Event]) -> list[str]:
    stream = io.StringIO()
    console = PlainConsole(stream, FACTS)
    for event in events:
        console.receive(event)
    return stream.getvalue().splitlines()


def text_of(picture: Picture, now: float) -> str:
    from rich.console import Console

    console = Console(file=io.StringIO(), width=100)
    console.print(frame(picture, FACTS, now))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def warning(text: str) -> Event:
    return Event(seq=1, monotonic_seconds=1.0, wall="", source="harness", event="warning", data={"text": text})


def test_every_event_is_said_or_left_out_on_purpose() -> None:
    """Each event of the vocabulary either has a sentence or stands among those never said."""
    assert set(EVENTS) == SAID | NOT_SAID
    assert not SAID & NOT_SAID


def test_the_picture_knows_only_events() -> None:
    """Each change of the picture is named after an event of the vocabulary."""
    changes = {name.removeprefix("on_") for name in vars(Picture) if name.startswith("on_")}
    assert changes <= set(EVENTS)


def test_what_a_plan_tells(plan: RunPlan) -> None:
    """Shards and the planned lengths of phases are those of the plan."""
    assert PlanFacts.of(plan) == FACTS


def test_the_first_line_says_what_runs_where(story: Story) -> None:
    """The first line names the scenario, the driver and why, the engine, the server and the metrics endpoint."""
    assert plain(story())[0] == (
        "master-kill: driver docker (an engine answers), Docker 20.10.24, redis:7.2-alpine, server 7.2.4;"
        " metrics at http://127.0.0.1:9475/metrics"
    )


def test_lines_bear_the_time_since_the_end_of_the_warm_up(story: Story) -> None:
    """Once the warm-up is over a line begins with the seconds since then and the phase."""
    [line] = [line for line in plain(story()) if "is unavailable" in line]
    assert line.split() == ["t=+10.03s", "timeline", "shard", "3", "is", "unavailable"]


def test_lines_before_that_bear_the_time_since_the_start(story: Story) -> None:
    """Before t = 0 is known a line bears the seconds since the run began."""
    assert plain(story())[1].split()[:2] == ["0.10s", "build"]


def test_the_failover_is_told_in_order(story: Story) -> None:
    """A reader sees the fault, the outage, the suspicion, the agreement, the promotion and the recovery."""
    told = " | ".join(plain(story()))
    marks = [
        "death: kill redis-3",
        "shard 3 is unavailable",
        "suspected",
        "agreed",
        "promoted",
        "after 6.60 s",
        "reverted",
    ]
    places = [told.index(mark) for mark in marks]
    assert places == sorted(places)


def test_a_suspicion_is_told_once(story: Story) -> None:
    """Only the first node to suspect another is named."""
    told = [line.split("  ")[-1].strip() for line in plain(story()) if "suspected" in line]
    assert told == ["redis-3 is suspected, first by redis-1"]


def test_roles_are_told_when_they_change(story: Story) -> None:
    """After the first time only the nodes whose role changed are named."""
    told = [line for line in plain(story()) if "is replica now" in line]
    assert [line.split("  ")[-1].strip() for line in told] == ["redis-3 is replica now; redis-6 is master now"]


def test_a_start_is_told_of_a_node_that_was_down(story: Story) -> None:
    """The first start of a node is not worth a line, the start of a dead one is."""
    told = [line.split("  ")[-1].strip() for line in plain(story()) if "started" in line]
    assert told == ["redis-3 was started again"]


def test_the_verdict_comes_last(story: Story) -> None:
    """The last line is the verdict with its reason."""
    assert plain(story())[-1].endswith("FAIL: 2 acknowledged writes were lost")


def test_plain_lines_have_no_colours(story: Story) -> None:
    """Not one escape character goes into a pipe."""
    assert "\x1b" not in "".join(plain(story()))


def test_control_characters_do_not_get_through() -> None:
    """A text from a user or a server can neither move the cursor nor begin a line."""
    [line] = plain([warning("before\x1b[2Jafter\r\nPASS")])
    assert line.endswith("warning: before�[2Jafter� PASS")


def test_a_pipe_that_cannot_carry_a_character() -> None:
    """A character that the stream's encoding lacks is replaced, and the line is written."""
    raw = io.BytesIO()
    with io.TextIOWrapper(raw, encoding="ascii") as stream:
        PlainConsole(stream, FACTS).receive(warning("für"))
        told = raw.getvalue()
    assert told.endswith(b"warning: f?r\n")


def test_long_silence_is_broken() -> None:
    """While nothing happens a line comes after two seconds of a phase, then every five."""
    stream = io.StringIO()
    loop = VirtualTimeLoop()

    async def build() -> None:
        events = Stream([PlainConsole(stream, FACTS)])
        events.emit("harness", "phase_started", phase="build")
        await asyncio.sleep(13)
        events.close()

    loop.run_until_complete(build())
    loop.close()
    told = [line.rpartition(", ")[2] for line in stream.getvalue().splitlines()[1:]]
    assert told == ["2 s", "7 s", "12 s"]


def test_a_short_phase_has_no_progress_line() -> None:
    """A phase under two seconds is told by its start alone."""
    stream = io.StringIO()
    loop = VirtualTimeLoop()

    async def build() -> None:
        events = Stream([PlainConsole(stream, FACTS)])
        events.emit("harness", "phase_started", phase="build")
        await asyncio.sleep(1.9)
        events.emit("harness", "phase_ended", phase="build", seconds=1.9)
        await asyncio.sleep(5)
        events.close()

    loop.run_until_complete(build())
    loop.close()
    assert len(stream.getvalue().splitlines()) == 1


def test_the_live_view_shows_an_outage(story: Story) -> None:
    """During an outage the view shows time left, load, the crossed master, the fault and the running clock."""
    picture = Picture()
    for event in story(21.0):
        picture.see(event)
    assert [line.rstrip() for line in text_of(picture, 1021.0).splitlines()] == [
        "running the timeline, 14 of 45 s, 31 s left",
        "load 2000/s, 3.1% errors",
        "shard 1   ● redis-1  ○ redis-4",
        "shard 2   ● redis-2  ○ redis-5",
        "shard 3   ✗ redis-3  ○ redis-6",
        "death: kill redis-3, 4.0 s",
        "shard 3 unavailable for 4.0 s",
    ]


def test_the_live_view_after_the_failover(story: Story) -> None:
    """After the failover the new master is filled and no clock runs."""
    picture = Picture()
    for event in story(40.0):
        picture.see(event)
    shown = text_of(picture, 1040.0)
    assert "○ redis-3  ● redis-6" in shown
    assert "unavailable" not in shown


def test_markup_in_names_is_only_text(terminal: Terminal) -> None:
    """What looks like rich markup is shown as it stands."""
    console = LiveConsole(terminal.stream, FACTS)
    console.receive(warning("[bold]not bold[/bold] [/nothing] :smile:"))
    console.close()
    assert "[bold]not bold[/bold] [/nothing] :smile:" in terminal.shown()


def test_the_live_view_is_drawn_while_nothing_happens(terminal: Terminal) -> None:
    """On a terminal the view is drawn anew as time goes by, with nothing but the clock moving."""
    loop = VirtualTimeLoop()

    async def build() -> None:
        events = Stream([LiveConsole(terminal.stream, FACTS)])
        events.emit("harness", "phase_started", phase="build")
        await asyncio.sleep(3.1)
        events.close()

    loop.run_until_complete(build())
    loop.close()
    shown = terminal.shown()
    assert all(f"building the nodes, {second} s" in shown for second in (1, 2, 3))


def test_a_terminal_gets_the_live_view(terminal: Terminal) -> None:
    """A capable terminal gets the live view, in colour."""
    console = make_console(terminal.stream, quiet=False, facts=FACTS, environ={"TERM": "xterm-256color"})
    assert isinstance(console, LiveConsole)
    console.close()


@pytest.mark.parametrize("environ", [{"NO_COLOR": "1", "TERM": "xterm"}, {"TERM": "dumb"}])
def test_a_terminal_that_wants_none_gets_lines(terminal: Terminal, environ: dict[str, str]) -> None:
    """With NO_COLOR, or on a dumb terminal, there are plain lines."""
    console = make_console(terminal.stream, quiet=False, facts=FACTS, environ=environ)
    assert isinstance(console, PlainConsole)


def test_a_pipe_gets_lines() -> None:
    """A stream that is no terminal gets plain lines."""
    console = make_console(io.StringIO(), quiet=False, facts=FACTS, environ={"TERM": "xterm"})
    assert isinstance(console, PlainConsole)


def test_quiet_is_quiet() -> None:
    """Quiet means no console at all."""
    assert make_console(io.StringIO(), quiet=True, facts=FACTS) is None
