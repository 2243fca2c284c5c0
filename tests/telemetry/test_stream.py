"""The stream numbers events and survives its sinks."""

from __future__ import annotations

from typing import Any

import pytest

from chaos.errors import ChaosError
from chaos.model.event import Event
from chaos.model.injection import LedgerEntry
from chaos.telemetry.stream import Stream


class Keeper:
    """A sink that remembers."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.closed = 0

    def receive(self, event: Event) -> None:
        self.events.append(event)

    def close(self) -> None:
        self.closed += 1

    @property
    def names(self) -> list[str]:
        return [event.event for event in self.events]


class Breaking(Keeper):
    """A sink that raises from its second event on."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self._error = error

    def receive(self, event: Event) -> None:
        super().receive(event)
        if len(self.events) > 1:
            raise self._error


@pytest.fixture
def keeper() -> Keeper:
    return Keeper()


def stream_of(*sinks: Any, at: float = 100.0) -> Stream:
    return Stream(sinks, now=lambda: at)


def test_numbers_from_one(keeper: Keeper) -> None:
    """Events are numbered 1, 2, 3 in the order in which they were emitted."""
    stream = stream_of(keeper)
    for name in ("run_started", "steady", "run_ended"):
        stream.emit("harness", name)
    assert [(event.seq, event.event) for event in keeper.events] == [
        (1, "run_started"),
        (2, "steady"),
        (3, "run_ended"),
    ]


def test_numbers_go_on(keeper: Keeper) -> None:
    """A process that goes on with a journal numbers its events from where that ended."""
    assert Stream([keeper], first_seq=17).emit("harness", "steady").seq == 17


def test_carries_what_was_said(keeper: Keeper) -> None:
    """An event carries its source, trial and data as they were given."""
    event = stream_of(keeper).emit("observer", "promoted", trial=2, node="redis-4", shard=1)
    assert (event.source, event.trial, event.data) == ("observer", 2, {"node": "redis-4", "shard": 1})


def test_is_stamped_by_the_clock_of_the_run(keeper: Keeper) -> None:
    """Without `at`, an event happened when it was emitted."""
    assert stream_of(keeper, at=12.5).emit("harness", "steady").monotonic_seconds == 12.5


def test_an_earlier_instant(keeper: Keeper) -> None:
    """An event seen late bears the instant at which it happened, in its stamp and in its data."""
    event = stream_of(keeper, at=100.0).emit("observer", "shard_unavailable", at=98.5, shard=3)
    assert event.monotonic_seconds == 98.5
    assert event.data == {"shard": 3, "at": 98.5}


def test_wall_time_follows_the_instant(keeper: Keeper) -> None:
    """The wall time of an event that happened an hour ago is an hour earlier than now."""
    stream = stream_of(keeper, at=10_000.0)
    now, earlier = stream.emit("harness", "steady"), stream.emit("harness", "steady", at=6_400.0)
    assert now.wall > earlier.wall
    assert now.wall.endswith("+00:00")
    assert now.wall[-10] == "."


def test_a_whole_record(keeper: Keeper) -> None:
    """A record's fields are the data, also those that are named like a part of the event."""
    entry = LedgerEntry(
        injection="death", number=1, trial=3, fault="kill", step="intended", nodes=("redis-3",), handles={}, undo={}
    )
    event = stream_of(keeper).emit_record("harness", "injection_recorded", entry, trial=3)
    assert event.trial == 3
    assert LedgerEntry.model_validate(event.data) == entry


def test_unknown_event_is_refused(keeper: Keeper) -> None:
    """A name that is not in the vocabulary is refused with the nearest, and no sink hears of it."""
    with pytest.raises(ValueError, match="unknown event 'promotd'; did you mean 'promoted'"):
        stream_of(keeper).emit("observer", "promotd")
    assert keeper.events == []


def test_a_broken_sink_is_left_out(keeper: Keeper) -> None:
    """A sink that raises hears nothing more, and the others hear everything."""
    broken = Breaking(OSError("the pipe is gone"))
    stream = stream_of(broken, keeper)
    for _ in range(4):
        stream.emit("harness", "steady")
    assert len(broken.events) == 2
    assert keeper.names.count("steady") == 4


def test_a_broken_sink_is_reported_once(keeper: Keeper) -> None:
    """The others are warned once, right after the event at which the sink broke."""
    stream = stream_of(Breaking(OSError("the pipe is gone")), keeper)
    for _ in range(4):
        stream.emit("harness", "steady")
    assert keeper.names == ["steady", "steady", "warning", "steady", "steady"]
    assert keeper.events[2].data == {"text": "Breaking is left out from here on: the pipe is gone"}
    assert [event.seq for event in keeper.events] == [1, 2, 3, 4, 5]


def test_a_needed_sink_ends_the_run(keeper: Keeper) -> None:
    """The ChaosError of a sink reaches the caller after every other sink heard the event."""
    stream = stream_of(Breaking(ChaosError("disk full")), keeper)
    stream.emit("harness", "steady")
    with pytest.raises(ChaosError, match="disk full"):
        stream.emit("harness", "run_ended")
    assert keeper.names == ["steady", "run_ended", "warning"]


def test_healing_goes_on_without_a_needed_sink(keeper: Keeper) -> None:
    """After the error was raised once, later events are handed out, and the failure is remembered."""
    stream = stream_of(Breaking(ChaosError("disk full")), keeper)
    stream.emit("harness", "steady")
    with pytest.raises(ChaosError):
        stream.emit("harness", "steady")
    stream.emit("harness", "run_ended")
    assert keeper.names[-1] == "run_ended"
    assert str(stream.failure) == "disk full"


def test_closes_every_sink(keeper: Keeper) -> None:
    """Closing closes each sink although one before it cannot be closed."""

    class Stuck(Keeper):
        def close(self) -> None:
            raise OSError("no")

    stream_of(Stuck(), keeper).close()
    assert keeper.closed == 1
