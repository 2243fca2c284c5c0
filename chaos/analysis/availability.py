"""Availability: when a shard acknowledged no write, as the strict canary saw it. No threshold decides.

The canary beats every shard with one write each period. In an undisturbed shard one
acknowledgement follows another after one period; an interval of unavailability runs from the
moment the next acknowledgement was due (the last one + one period) to the first that came.

A gap between two acknowledgements counts if at least one beat between them was not
acknowledged, or if it is longer than STALL_PERIODS periods after the canary's own recorded
lateness is taken off: a slow server counts, a late canary does not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy

from chaos.analysis.view_history import Promotion
from chaos.model.evidence import Rows
from chaos.model.operation import ERROR_CLASSES, Outcome

STALL_PERIODS = 5
Interval = tuple[float, float]
"""From, to; monotonic seconds."""


@dataclass(frozen=True, slots=True)
class ShardAvailability:
    """The intervals in which one shard acknowledged no write."""

    shard: int
    intervals: tuple[Interval, ...]
    down_at_end: bool
    """The last interval was not over when the canary stopped: its length is a lower bound."""
    beats: int
    period_seconds: float
    errors: dict[str, int]

    def lengths(self, windows: Sequence[Interval]) -> list[float]:
        """Seconds of each interval inside the windows (one interval in two windows counts once, as their sum)."""
        inside = [sum(overlap_seconds(interval, window) for window in windows) for interval in self.intervals]
        return [seconds for seconds in inside if seconds > 0]

    def open_in(self, windows: Sequence[Interval]) -> bool:
        """Whether an outage that never ended reaches to the end of the windows: what is known is a lower bound."""
        if not self.down_at_end or not self.intervals or not windows:
            return False
        return self.intervals[-1][0] < max(end for _, end in windows)


def availability(
    beats: Rows, shards: Iterable[int], begin: float, end: float, promotions: Sequence[Promotion], names: Sequence[str]
) -> dict[int, ShardAvailability]:
    """Each shard's unavailability between `begin` and `end`; a shard without a beat is left out.

    An acknowledgement by a master that had been deposed (a woken old master answering its
    backlog) is none.
    """
    if not len(beats):
        return {}
    period = beat_period(beats)
    stopped = min(end, float(beats["sent"].max()))
    found = {}
    for shard in shards:
        own = beats[beats["shard"] == shard]
        if len(own):
            mine = [promotion for promotion in promotions if promotion.shard == shard]
            found[shard] = _of_shard(shard, own, _acknowledged(own, mine, names), (begin, stopped), period)
    return found


def beat_period(beats: Rows) -> float:
    """The canary's ordinary period in seconds: the median distance of one shard's beats; NaN with fewer than two."""
    for shard in numpy.unique(beats["shard"]):
        sent = numpy.sort(beats["sent"][(beats["shard"] == shard) & (beats["outcome"] == Outcome.OK)])
        if len(sent) > 1:
            return float(numpy.median(numpy.diff(sent)))
    return float("nan")


def overlap_seconds(interval: Interval, window: Interval) -> float:
    return max(0.0, min(interval[1], window[1]) - max(interval[0], window[0]))


def _acknowledged(beats: Rows, promotions: Sequence[Promotion], names: Sequence[str]) -> Rows:
    """Which beats were acknowledged by a master that still was one, as a mask."""
    ok: Rows = beats["outcome"] == Outcome.OK
    for number, promotion in enumerate(promotions):
        back = next((later.seen.low for later in promotions[number + 1 :] if later.new == promotion.old), numpy.inf)
        if promotion.old in names:
            deposed = beats["node"] == names.index(promotion.old)
            ok = ok & ~(deposed & (beats["completed"] > promotion.seen.high) & (beats["completed"] < back))
    return ok


def _of_shard(shard: int, beats: Rows, ok: Rows, window: Interval, period: float) -> ShardAvailability:
    begin, end = window
    step = 0.0 if numpy.isnan(period) else period
    order = numpy.argsort(beats["completed"][ok], kind="stable")
    acks = beats["completed"][ok][order]
    late = beats["lateness"][ok][order].astype(float)
    # While a shard refuses, its candidates are beaten too: a beat is refused if nobody acknowledged what it sent.
    refused = numpy.setdiff1d(beats["sent"][~ok], beats["sent"][ok])
    # The canary is taken as answered one period before its first beat and, in a gap that never ends, at its stop.
    first = float(beats["sent"].min()) - step
    edges = numpy.concatenate(([first], acks, [max(end, float(acks[-1])) if len(acks) else end]))
    gaps = numpy.diff(edges)
    unanswered = numpy.searchsorted(refused, edges[1:]) - numpy.searchsorted(refused, edges[:-1])
    stalled = gaps - numpy.concatenate((late, [0.0])) > STALL_PERIODS * step
    counts = (gaps > step) & ((unanswered > 0) | stalled)
    counts[-1] = stalled[-1]  # the beats in flight when the canary stopped are no outage
    intervals = [
        (max(float(start) + step, begin), min(float(stop), end))
        for start, stop in zip(edges[:-1][counts], edges[1:][counts], strict=True)
    ]
    seen = beats[(beats["sent"] >= begin) & (beats["sent"] <= end)]
    return ShardAvailability(
        shard=shard,
        intervals=tuple((start, stop) for start, stop in intervals if stop > start),
        down_at_end=bool(counts[-1]),
        beats=len(seen),
        period_seconds=period,
        errors=count_errors(seen),
    )


def count_errors(rows: Rows) -> dict[str, int]:
    """Error class → count, the most frequent first; rows without an error are left out."""
    codes, counts = numpy.unique(rows["error"], return_counts=True)
    known = {ERROR_CLASSES[code]: int(count) for code, count in zip(codes, counts, strict=True) if code}
    return dict(Counter(known).most_common())
