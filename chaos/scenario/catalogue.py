"""The catalogue: what there is to build, break and check, as the reader of scenarios needs to know it.

The families stand above the scenario language, so it is built at the top and passed in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chaos.model.record import Record
from chaos.scenario.bounds import Unit

if TYPE_CHECKING:
    from chaos.scenario.language import ClusterSpec

ALL_SCOPES = ("trial", "before", "during", "after", "shard", "other shards", "load")


@dataclass(frozen=True, slots=True)
class SystemRule:
    """What a scenario may say of one system."""

    sentence: str
    node_names: Callable[[ClusterSpec], tuple[str, ...]]
    """The names of all nodes that a specification makes, in order."""
    reserved_config: Mapping[str, str] = field(default_factory=dict)
    """The directives that the harness sets itself, in lower case, with the reason."""
    least_shards: int = 1


@dataclass(frozen=True, slots=True)
class FaultRule:
    """What a scenario may say of one fault."""

    sentence: str
    options: type[Record]
    """The model whose fields are the options."""


@dataclass(frozen=True, slots=True)
class CheckRule:
    """What a scenario may say of one check."""

    sentence: str
    unit: Unit
    """The unit in which it is measured."""
    other_units: tuple[Unit, ...] = ()
    """Units in which a bound may be written too: `lost_writes` counts, or is a share of the checkable writes."""
    scopes: tuple[str, ...] = ("trial",)
    """Kinds of Scope, of ALL_SCOPES."""
    needs_load: bool = False
    awaited: bool = False
    """True for a state that is waited for: `yes` is a bound too."""


@dataclass(frozen=True, slots=True)
class Later:
    """Names that belong to the language and have no member yet: refused with "not yet", never as unknown."""

    systems: frozenset[str] = frozenset({"redis-sentinel", "redis-replication", "galera"})
    faults: frozenset[str] = frozenset(
        {
            "stop", "restart", "crash_loop", "hang", "flap", "partition", "latency", "jitter", "loss", "duplication",
            "corruption", "reordering", "bandwidth", "dns", "link_down", "cpu", "memory", "disk_full", "slow_disk",
            "fsync", "clock", "file_descriptors", "switchover", "drop_packets", "client_pause", "connect", "config",
            "reshard", "add_node", "remove_node", "resync", "slow_script", "rolling_restart", "rolling_upgrade", "exec",
        }
    )  # fmt: skip
    checks: frozenset[str] = frozenset(
        {
            "client_recovery_time", "resurrected_writes", "stale_reads", "monotonic_reads", "split_brain",
            "divergence", "recovery_point", "linearizable", "reachability",
        }
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Every name a scenario may use, with the rules that go with it."""

    systems: Mapping[str, SystemRule]
    faults: Mapping[str, FaultRule]
    checks: Mapping[str, CheckRule]
    not_yet: Later = Later()
