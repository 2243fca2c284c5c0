"""The result of a run: the one source of every report. Times are seconds since t = 0 unless said."""

from __future__ import annotations

from pydantic import ConfigDict, Field

from chaos.model.plan import ServerIdentity, Setting
from chaos.model.record import Record

PHASES = ("suspected", "agreed", "elected", "promoted", "serving", "client_recovered", "converged", "redundant")


class ServiceResult(Record):
    """Which software one service ran."""

    system: str
    server_version: str | None
    image_id: str | None
    server: ServerIdentity


class InjectionResult(Record):
    """One injection; `effective_at` is the instant it took effect on its last node."""

    name: str
    fault: str
    mechanism: str
    target: str
    nodes: tuple[str, ...]
    planned_at: float
    issued_at: float
    effective_at: float | None
    effective_uncertainty_seconds: float | None = None
    effective_source: str | None = None
    reverted_at: float | None
    effect: str
    detail: str = ""


class Prediction(Record):
    """The interval in which the server's own rules put `serving`, in seconds since effective."""

    low: float
    high: float
    basis: str = ""


class FailoverResult(Record):
    """One promotion and its phases, in seconds since its injection took effect; null if it never came."""

    injection: str | None
    shard: str
    from_: str | None = Field(alias="from", serialization_alias="from")
    to: str | None
    """Null for a master that was agreed to have failed and that nobody succeeded."""
    phases: dict[str, float | None]
    uncertainty_seconds: dict[str, float | None]
    sources: dict[str, str] = {}
    at_least: dict[str, float] = {}
    """For a phase that never came: the bound that is known."""
    predicted: Prediction | None = None
    inside_prediction: bool | None = None
    disagreements: tuple[str, ...] = ()
    explanation: str = ""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Unavailability(Record):
    """How long a shard served nothing, in seconds, from t = 0 to the end of the load."""

    writes: float | None
    reads: float | None = None
    longest: float | None
    hit: bool = False
    """Whether an injection meant this shard; the others are the blast radius."""
    intervals: tuple[tuple[float, float], ...] = ()
    """The intervals without an acknowledged write, as the strict canary saw them."""
    errors: dict[str, int] = {}


class Latency(Record):
    """Milliseconds; null without a sample."""

    p50: float | None
    p99: float | None
    p999: float | None
    max: float | None


class LoadResult(Record):
    """One load's operations, from t = 0 to its end."""

    operations: int
    ok: int
    failed: int
    unknown: int
    not_sent: int
    throughput_per_second: float | None
    latency_ms: Latency
    """Counted from the intended time of an open schedule; from sending in a closed loop."""
    latency_ms_uncorrected: Latency
    errors: dict[str, int]
    schedule: str = ""
    client: str = ""


class DataResult(Record):
    """What became of the acknowledged writes."""

    acknowledged: int
    checkable: int | None
    """Acknowledged writes whose loss would be seen in the final reads."""
    lost: int | None
    lost_window: tuple[float, float] | None = None
    unknown: int
    stale_reads: int | None = None
    resurrected: int | None = None
    split_brain_seconds: float | None = None
    lost_by_shard: dict[str, int] = {}
    keys_read: int = 0
    keys_unread: int = 0
    examples: tuple[str, ...] = ()


class Expectation(Record):
    """One line of `expect`, judged."""

    check: str
    scope: str
    bound: str
    measured: float | None
    median: float | None = None
    unit: str = ""
    margin: float | None = None
    trial: int | None = None
    verdict: str
    reason: str = ""


class Measure(Record):
    """A measure over the trials."""

    median: float | None
    low: float | None = None
    high: float | None = None
    p95: float | None = None
    n: int


class TrialResult(Record):
    """One pass of the fault timeline."""

    seed: int
    duration_seconds: float
    injections: tuple[InjectionResult, ...]
    failovers: tuple[FailoverResult, ...]
    unavailable_seconds: dict[str, Unavailability]
    load: dict[str, LoadResult]
    data: DataResult
    converged_seconds: float | None = None
    """From the last revert (from serving if nothing was reverted); null if it did not hold at the end."""
    redundant_seconds: float | None = None
    not_converged: tuple[str, ...] = ()
    """What kept the cluster from convergence or redundancy at the end."""
    host: dict[str, float] = {}
    issues: tuple[str, ...] = ()


class RunResult(Record):
    """`result.json`."""

    schema_: int = Field(default=1, alias="schema", serialization_alias="schema")
    tool_version: str
    run_id: str
    scenario: str
    description: str = ""
    driver: str
    engine: str
    services: dict[str, ServiceResult]
    seed: int
    started_at: str
    duration_seconds: float
    verdict: str
    reason: str
    build_seconds: float | None
    teardown_seconds: float | None
    phase_seconds: dict[str, float]
    overhead_seconds: float | None = None
    """All phases but warm-up and timeline: what the run costs beyond its own scenario."""
    host: dict[str, float] = {}
    settings: tuple[Setting, ...] = ()
    how_measured: tuple[str, ...] = ()
    reproduce: str = ""
    trials: tuple[TrialResult, ...]
    summary: dict[str, Measure]
    expectations: tuple[Expectation, ...]

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)
