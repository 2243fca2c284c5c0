"""The consoles: a run as people watch it, live on a terminal, as plain lines in a pipe."""

from __future__ import annotations

import asyncio
import os
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

from chaos.model.event import Event
from chaos.model.plan import RunPlan
from chaos.model.view import MASTER, natural
from chaos.telemetry.picture import Picture
from chaos.telemetry.sentences import PHASES, printable, sentence

if TYPE_CHECKING:  # rich takes a tenth of a second to import, and a pipe needs none of it
    from rich.console import Console as RichConsole
    from rich.console import Group
    from rich.text import Text

SILENT_SECONDS = 5.0
"""A plain console says something at least this often …"""
SHORT_SECONDS = 2.0
"""… and once, after this time, in every phase that lasts longer."""
FRAME_SECONDS = 0.25
"""How often the live view is drawn, and a plain one looks whether it must say something."""

STYLES = {
    "undo_failed": "bold red",
    "injection_failed": "bold red",
    "warning": "yellow",
    "trial_issue": "yellow",
    "injection_issued": "magenta",
    "injection_effective": "magenta",
    "injection_effect": "magenta",
    "injection_reverted": "magenta",
    "shard_unavailable": "red",
    "shard_available": "green",
    "promoted": "cyan",
    "run_started": "bold",
    "run_ended": "bold",
}
"""The style of an event's line on a terminal; the others have none."""


@dataclass(frozen=True, slots=True)
class PlanFacts:
    """What a console must know of the plan: who was formed in which shard, and how long the parts last."""

    shard_of: Mapping[str, int | None]
    phase_seconds: Mapping[str, float]
    """The planned length of the phases that have one."""

    @classmethod
    def of(cls, plan: RunPlan) -> PlanFacts:
        lengths = {"warmup": plan.defaults.get("warmup"), "timeline": plan.defaults.get("duration")}
        return cls(
            shard_of={node.name: node.shard for node in plan.nodes},
            phase_seconds={phase: float(length) for phase, length in lengths.items() if length is not None},
        )


def make_console(
    stream: TextIO, *, quiet: bool, facts: PlanFacts, environ: Mapping[str, str] = os.environ
) -> Console | None:
    """The console that fits the stream: live on a terminal, plain in a pipe or with NO_COLOR, none if quiet."""
    if quiet:
        return None
    return LiveConsole(stream, facts) if shows_colour(stream, environ) else PlainConsole(stream, facts)


def shows_colour(stream: TextIO, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether a stream is a terminal that shows colours and may (https://no-color.org)."""
    return stream.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"


class Console(ABC):
    """What both have in common: the picture, the stamp, and a look at the clock between events."""

    def __init__(self, facts: PlanFacts) -> None:
        self._facts = facts
        self._picture = Picture()
        self._timer: asyncio.TimerHandle | None = None

    def receive(self, event: Event) -> None:
        text = sentence(event, self._picture)
        self._picture.see(event)
        if text:
            self._say(event, text)
        if self._timer is None:
            self._keep_looking()

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    @abstractmethod
    def look(self, now: float) -> None:
        """Called several times a second, whether or not anything happens; `now` in monotonic seconds."""

    @abstractmethod
    def _say(self, event: Event, text: str) -> None:
        """Shows one event's sentence."""

    def _keep_looking(self) -> None:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return  # events replayed outside a run: nothing happens between them
        if self._timer is not None:
            try:
                self.look(loop.time())
            except OSError:
                return  # whoever watched is gone; the next event's line fails too, and the stream says so
        self._timer = loop.call_later(FRAME_SECONDS, self._keep_looking)

    def _stamp(self, at: float) -> str:
        """`t=+12.34s` since t = 0; before there is one, seconds since the run began."""
        if self._picture.t0 is not None:
            return f"t={at - self._picture.t0:+.2f}s"
        return f"{at - (self._picture.started_at or at):.2f}s"


class PlainConsole(Console):
    """One short line per thing worth saying, and a line of progress where nothing else is said."""

    def __init__(self, stream: TextIO, facts: PlanFacts) -> None:
        super().__init__(facts)
        self._stream = stream
        self._said_at = 0.0
        self._progress_in: str | None = None
        """The last phase of which progress was told."""

    def look(self, now: float) -> None:
        phase = self._picture.phase
        if phase is None:
            return
        silent, lasted = now - self._said_at, now - self._picture.phase_since
        if silent >= SILENT_SECONDS or (lasted >= SHORT_SECONDS and self._progress_in != phase):
            self._progress_in = phase
            self._line(now, progress_line(self._picture, self._facts, now))

    def receive(self, event: Event) -> None:
        super().receive(event)
        self.look(event.monotonic_seconds)

    def _say(self, event: Event, text: str) -> None:
        if event.event == "run_started":
            self._write(event.monotonic_seconds, text)
        else:
            self._line(event.monotonic_seconds, text)

    def _line(self, at: float, text: str) -> None:
        self._write(at, f"{self._stamp(at):>11}  {self._picture.phase or '':<11}  {text}")

    def _write(self, at: float, line: str) -> None:
        encoding = self._stream.encoding or "utf-8"  # a character that the pipe cannot carry must not end the output
        self._stream.write(line.encode(encoding, "replace").decode(encoding) + "\n")
        self._stream.flush()
        self._said_at = max(self._said_at, at)


class LiveConsole(Console):
    """The events scroll by; below them stands the present state, drawn anew several times a second."""

    def __init__(self, stream: TextIO, facts: PlanFacts) -> None:
        super().__init__(facts)
        from rich.console import Console as RichConsole
        from rich.live import Live

        self._rich: RichConsole = RichConsole(file=stream, highlight=False, markup=False, emoji=False)
        # No refresh thread: frames are drawn between events, so that none shows half of one.
        self._live = Live(
            console=self._rich,
            auto_refresh=False,
            transient=True,
            # What others print goes above the view if it would land on the terminal, and is left alone in a pipe.
            redirect_stdout=sys.stdout.isatty(),
            redirect_stderr=sys.stderr.isatty(),
        )
        self._live.start()

    def look(self, now: float) -> None:
        self._live.update(frame(self._picture, self._facts, now), refresh=True)

    def close(self) -> None:
        super().close()
        self._live.stop()

    def _say(self, event: Event, text: str) -> None:
        from rich.text import Text

        line = text if event.event == "run_started" else f"{self._stamp(event.monotonic_seconds):>11}  {text}"
        self._rich.print(Text(line, style=STYLES.get(event.event, "")))


def progress_line(picture: Picture, facts: PlanFacts, now: float) -> str:
    """Where the run is, in one line of plain words."""
    parts = [_where(picture, facts, now), *_loads(picture), *_outages(picture, now)]
    parts += [f"{fault.name} active on {', '.join(sorted(fault.nodes, key=natural))}" for fault in picture.active]
    return printable("; ".join(parts))


def frame(picture: Picture, facts: PlanFacts, now: float) -> Group:
    """The live view: phase and time left, load, a lane of nodes per shard, active faults, running outages."""
    from rich.console import Group
    from rich.text import Text

    lines = [Text(_where(picture, facts, now), style="bold")]
    lines += [Text(printable(load)) for load in _loads(picture)]
    lines += _lanes(picture, facts)
    for fault in picture.active:
        lasted = now - (fault.since or now)
        nodes = ", ".join(sorted(fault.nodes, key=natural))
        lines.append(Text(printable(f"{fault.name}: {fault.fault} {nodes}, {lasted:.1f} s"), style="magenta"))
    lines += [Text(outage, style="bold red") for outage in _outages(picture, now)]
    return Group(*lines)


def _where(picture: Picture, facts: PlanFacts, now: float) -> str:
    if picture.phase is None:
        return "between phases"
    elapsed = now - picture.phase_since
    planned = facts.phase_seconds.get(picture.phase)
    words = PHASES.get(picture.phase, picture.phase)
    if planned is None:
        return f"{words}, {elapsed:.0f} s"
    return f"{words}, {elapsed:.0f} of {planned:.0f} s, {max(0.0, planned - elapsed):.0f} s left"


def _loads(picture: Picture) -> list[str]:
    """One phrase a load: throughput and error rate now."""
    phrases = []
    for name, load in picture.loads.items():
        if load.rate_per_second is not None:
            errors = "" if load.error_rate is None else f", {load.error_rate:.1%} errors"
            phrases.append(f"{name} {load.rate_per_second:.0f}/s{errors}")
    return phrases


def _outages(picture: Picture, now: float) -> list[str]:
    """One phrase for each shard whose failover clock is running."""
    return [
        f"shard {shard} unavailable for {now - since:.1f} s" for shard, since in sorted(picture.unavailable.items())
    ]


def _lanes(picture: Picture, facts: PlanFacts) -> list[Text]:
    """One line a shard: the nodes formed in it, the masters filled, those that are down crossed."""
    from rich.text import Text

    lanes: dict[int, Text] = {}
    for node in sorted(picture.roles, key=natural):
        shard = facts.shard_of.get(node)
        if shard is None:
            continue
        lane = lanes.setdefault(shard, Text(f"shard {shard} "))
        down, master = not picture.up.get(node, True), picture.roles[node] == MASTER
        sign, style = ("✗", "red") if down else ("●", "green") if master else ("○", "")
        lane.append(f"  {sign} {node}", style=style)
    return [lanes[shard] for shard in sorted(lanes)]
