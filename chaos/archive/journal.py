"""The journal as read back: every event of a run, in the order in which they happened."""

from __future__ import annotations

from pathlib import Path

from chaos.archive.views import whole_lines
from chaos.model.event import Event


def read_events(path: Path) -> list[Event]:
    """The events of a journal; a torn last line (a killed run) is left out, no journal is no event."""
    if not path.is_file():
        return []
    with path.open(encoding="utf-8") as lines:
        return [Event.model_validate(plain) for plain in whole_lines(lines)]
