"""The picture: what the events so far say of a run, for the sinks that show its present state."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from chaos.model.event import Event
from chaos.model.operation import LoadProgress

WINDOW_SECONDS = 1.0
"""The stretch of time over which a rate "now" is taken."""


@dataclass(slots=True)
class ActiveFault:
    """One injection from its issue to its revert; `since` is None until it took effect."""

    name: str
    fault: str
    nodes: set[str]
    since: float | None = None


@dataclass(slots=True)
class LoadNow:
    """One load's last progress, and its rates over the last second."""

    progress: LoadProgress
    _window: deque[tuple[float, int, int]] = field(default_factory=deque)
    """(monotonic second, all operations, those not ok), since the load began."""

    def see(self, at: float, progress: LoadProgress) -> None:
        self.progress = progress
        good = sum(count for name, count in progress.requests.items() if name.endswith(" ok"))
        total = sum(progress.requests.values())
        self._window.append((at, total, total - good))
        while len(self._window) > 2 and self._window[1][0] <= at - WINDOW_SECONDS:
            self._window.popleft()

    @property
    def rate_per_second(self) -> float | None:
        """Operations that ended per second; None before there are two reports."""
        return self._slope()[0]

    @property
    def error_rate(self) -> float | None:
        """The share of them that were not ok, 0 … 1; None if there were none."""
        return self._slope()[1]

    def _slope(self) -> tuple[float | None, float | None]:
        if len(self._window) < 2:
            return None, None
        (start, total_then, bad_then), (end, total, bad) = self._window[0], self._window[-1]
        ended = total - total_then
        rate = ended / (end - start) if end > start else None
        return rate, (bad - bad_then) / ended if ended else None


class Picture:
    """The present state of a run. A method `on_EVENT` says what the event of that name changes."""

    def __init__(self) -> None:
        self.started_at: float | None = None
        self.phase: str | None = None
        self.phase_since = 0.0
        self.t0: float | None = None
        """The end of the warm-up of the present trial, in monotonic seconds."""
        self.trial: int | None = None
        self.roles: dict[str, str] = {}
        self.slots_served: int | None = None
        self.up: dict[str, bool] = {}
        """Node → whether its process runs, for every node that was ever seen."""
        self.faults: dict[str, ActiveFault] = {}
        self.fault_of: dict[str, str] = {}
        """Injection → fault, for every injection there was."""
        self.suspected: set[str] = set()
        self.failed: set[str] = set()
        self.unavailable: dict[int, float] = {}
        """Shard → since when no write is acknowledged, in monotonic seconds."""
        self.loads: dict[str, LoadNow] = {}

    def see(self, event: Event) -> None:
        """Takes in one event; one that changes nothing here is passed over."""
        change = getattr(self, f"on_{event.event}", None)
        if change is not None:
            change(event)

    @property
    def active(self) -> list[ActiveFault]:
        """The faults that are in effect, in the order in which they were issued."""
        return [fault for fault in self.faults.values() if fault.since is not None]

    def on_run_started(self, event: Event) -> None:
        self.started_at = event.monotonic_seconds

    def on_phase_started(self, event: Event) -> None:
        self.phase, self.phase_since = event.data["phase"], event.monotonic_seconds

    def on_phase_ended(self, event: Event) -> None:
        if self.phase == event.data["phase"]:
            self.phase = None

    def on_trial_started(self, event: Event) -> None:
        self.t0, self.trial = event.data["t0"], event.trial

    def on_trial_ended(self, event: Event) -> None:
        self.unavailable.clear()  # the beats end with the load: nobody would say that the shard is back

    def on_node_started(self, event: Event) -> None:
        self.up[event.data["node"]] = True

    def on_node_stopped(self, event: Event) -> None:
        self.up[event.data["node"]] = False

    def on_process_ended(self, event: Event) -> None:
        self.up[event.data["node"]] = False

    def on_roles(self, event: Event) -> None:
        self.roles = dict(event.data["roles"])
        self.slots_served = event.data.get("slots_served")

    def on_injection_issued(self, event: Event) -> None:
        name, fault = event.data["name"], event.data["fault"]
        self.faults[name] = ActiveFault(name, fault, set(event.data["nodes"]))
        self.fault_of[name] = fault
        self.suspected.clear()
        self.failed.clear()

    def on_injection_effective(self, event: Event) -> None:
        fault = self.faults.get(event.data["name"])
        if fault is not None:
            fault.since = event.data.get("at", event.monotonic_seconds)

    def on_injection_reverted(self, event: Event) -> None:
        self._let_go(event.data["name"], event.data["nodes"])

    def on_injection_failed(self, event: Event) -> None:
        self._let_go(event.data["name"], event.data["nodes"])

    def on_member_suspected(self, event: Event) -> None:
        self.suspected.add(event.data["node"])

    def on_member_failed(self, event: Event) -> None:
        self.failed.add(event.data["node"])

    def on_shard_unavailable(self, event: Event) -> None:
        self.unavailable.setdefault(event.data["shard"], event.data["at"])

    def on_shard_available(self, event: Event) -> None:
        self.unavailable.pop(event.data["shard"], None)

    def on_load_progress(self, event: Event) -> None:
        progress = LoadProgress.model_validate(event.data)
        now = self.loads.setdefault(progress.load, LoadNow(progress))
        now.see(event.monotonic_seconds, progress)

    def _let_go(self, name: str, nodes: list[str]) -> None:
        fault = self.faults.get(name)
        if fault is None:
            return
        fault.nodes -= set(nodes)
        if not fault.nodes:
            del self.faults[name]
