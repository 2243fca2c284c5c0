"""The stream: numbers everything that happens in a run and hands it to every sink."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from chaos import clock
from chaos.errors import ChaosError, nearest
from chaos.model.event import EVENTS, Event
from chaos.model.record import Record
from chaos.telemetry.sink import Sink


class Stream:
    """The one place where events are made. Used from the event loop's thread only.

    A sink that raises is named once in a `warning` event and left out from then on. A sink that
    raises a ChaosError is one the run cannot do without (the journal on a full disk): it is left
    out too, so that healing can go on, but its error is raised to whoever emitted the event, and
    stays in `failure`.
    """

    def __init__(self, sinks: Iterable[Sink], now: Callable[[], float] = clock.now, first_seq: int = 1) -> None:
        self._sinks = list(sinks)
        self._now = now
        self._next_seq = first_seq
        self.failure: ChaosError | None = None
        self._raises = True

    def carry_on(self) -> None:
        """From now on a sink that the run cannot do without is only remembered in `failure`: healing must go on."""
        self._raises = False

    def emit(
        self, source: str, event: str, /, *, trial: int | None = None, at: float | None = None, **data: Any
    ) -> Event:
        """Makes one event and hands it to every sink.

        `at` is the monotonic second at which it happened, if that was not just now; it stands in
        the event's data too. `data` must be plain values or records. Raises ValueError for a name
        that is not in EVENTS, and the ChaosError of a sink that the run cannot do without.
        """
        return self._make(source, event, trial, at, data if at is None else {**data, "at": at})

    def emit_record(self, source: str, event: str, record: Record, /, *, trial: int | None = None) -> Event:
        """Makes one event whose data is a whole record, each of its fields under its own name."""
        return self._make(source, event, trial, None, record.model_dump(mode="json"))

    def close(self) -> None:
        """Closes every sink that is left, each in spite of the others; to be called once, after the last event."""
        for sink in self._sinks:
            try:
                sink.close()
            except Exception as error:  # a sink is foreign code, and the next one must be closed all the same
                self._remember(error)
        self._sinks = []
        if self.failure is not None:
            raise self.failure

    def _make(self, source: str, event: str, trial: int | None, at: float | None, data: dict[str, Any]) -> Event:
        if event not in EVENTS:
            raise ValueError(f"unknown event '{event}'; {nearest(event, EVENTS)}")
        now = self._now()
        happened = now if at is None else at
        made = Event(
            seq=self._next_seq,
            monotonic_seconds=happened,
            wall=clock.utc(time.time() + happened - now),
            source=source,
            event=event,
            trial=trial,
            data=data,
        )
        self._next_seq += 1
        self._hand_out(made)
        return made

    def _hand_out(self, event: Event) -> None:
        broken: list[tuple[Sink, Exception]] = []
        for sink in self._sinks:
            try:
                sink.receive(event)
            except Exception as error:  # a sink is foreign code: no fault of it may keep the others from hearing
                broken.append((sink, error))
        for sink, fault in broken:
            self._sinks.remove(sink)
            self._remember(fault)
        for sink, fault in broken:
            self.emit("harness", "warning", text=f"{type(sink).__name__} is left out from here on: {fault}")
        for _, fault in broken:
            if isinstance(fault, ChaosError) and self._raises:
                raise fault

    def _remember(self, error: Exception) -> None:
        if self.failure is None and isinstance(error, ChaosError):
            self.failure = error
