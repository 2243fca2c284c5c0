"""What a person asks of one run beside its scenario."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class RunOptions:
    """The options of `chaos run`, for one scenario."""

    reports: Path = Path("reports")
    driver: str = "auto"
    seed: int | None = None
    no_faults: bool = False
    """A placebo: the same run without its faults, and without the expectations that speak of them."""
    metrics_port: int | None = None
    max_duration: float | None = None
    """Seconds after which a run is healed, torn down and called inconclusive."""
    keep: bool = False
    """Leave the nodes running, healed, for a look."""
    quiet: bool = False
