"""The journal is on disk, whole, after every event."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from chaos.model.operation import LoadProgress
from chaos.telemetry.journal import Journal, JournalFailed
from chaos.telemetry.stream import Stream


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.jsonl"


@contextmanager
def writing(path: Path, first_seq: int = 1) -> Iterator[Stream]:
    stream = Stream([Journal(path)], now=lambda: 5.0, first_seq=first_seq)
    yield stream
    stream.close()


def test_each_event_is_one_line_at_once(path: Path) -> None:
    """An event can be read from the file before the journal is closed."""
    with writing(path) as stream:
        stream.emit("observer", "promoted", trial=1, node="redis-6", shard=3)
        [event] = lines(path)
    assert event.pop("wall")
    assert event == {
        "seq": 1,
        "monotonic_seconds": 5.0,
        "source": "observer",
        "event": "promoted",
        "trial": 1,
        "data": {"node": "redis-6", "shard": 3},
    }


def test_line_breaks_stay_inside_the_line(path: Path) -> None:
    """A text with line breaks is still one line."""
    with writing(path) as stream:
        stream.emit("harness", "warning", text="one\ntwo\u2028three")
    assert path.read_bytes().count(b"\n") == 1


def test_records_are_written_as_their_fields(path: Path) -> None:
    """A record in the data is written with its fields, as JSON."""
    progress = LoadProgress(
        load="load",
        requests={"read ok": 3},
        errors={},
        acknowledged_writes=0,
        duration_buckets=(3,),
        duration_sum_seconds=0.1,
    )
    with writing(path) as stream:
        stream.emit("load", "load_progress", **progress.model_dump())
    assert lines(path)[0]["data"] == progress.model_dump(mode="json")


def test_goes_on_after_a_torn_line(path: Path) -> None:
    """A journal that a crash left in the middle of a line gets new lines of their own."""
    path.write_text('{"seq": 1}\n{"seq": 2, "mono')
    with writing(path, first_seq=3) as stream:
        stream.emit("harness", "steady")
    assert json.loads(path.read_text().splitlines()[-1])["seq"] == 3
    assert path.read_text().splitlines()[1] == '{"seq": 2, "mono'


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    """A journal that cannot be opened is the harness's failure, naming the file and the cause."""
    with pytest.raises(JournalFailed, match=r"journal\.jsonl cannot be written: No such file"):
        Journal(tmp_path / "missing" / "journal.jsonl")


def test_a_full_disk_reaches_the_caller() -> None:
    """The event that no longer fits on the disk raises JournalFailed from emit."""
    stream = Stream([Journal(Path("/dev/full"))])
    with pytest.raises(JournalFailed, match="No space left"):
        stream.emit("harness", "steady")
