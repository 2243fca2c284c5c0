"""The sink seam: whoever cares about what happens in a run receives its events, one by one."""

from __future__ import annotations

from typing import Protocol

from chaos.model.event import Event


class Sink(Protocol):
    """One receiver of the stream of events. It must return quickly and never raise."""

    def receive(self, event: Event) -> None: ...

    def close(self) -> None:
        """Called once, after the last event."""
