"""A catalogue of fake members: everything that the tests of the scenario language name."""

from __future__ import annotations

from typing import Literal

from chaos.model.record import Record
from chaos.scenario.catalogue import ALL_SCOPES, Catalogue, CheckRule, FaultRule, SystemRule
from chaos.scenario.language import ClusterSpec
from chaos.scenario.quantities import Seconds

TIME_SCOPES = ("trial", "during", "after", "shard", "other shards")


class KillOptions(Record):
    signal: Literal["KILL", "TERM"] = "KILL"
    disk: Literal["kept", "emptied"] = "kept"
    grace: Seconds = 0.0


class NoOptions(Record):
    pass


def node_names(spec: ClusterSpec) -> tuple[str, ...]:
    return tuple(f"redis-{number + 1}" for number in range(spec.shards * (1 + spec.replicas)))


def make_catalogue() -> Catalogue:
    """Everything the shipped scenarios use, by members that exist only here."""
    reserved = {"port": "it is part of each node's place"}
    return Catalogue(
        systems={"redis-cluster": SystemRule("Redis Cluster.", node_names, reserved, least_shards=3)},
        faults={
            "disconnect": FaultRule("Off the network.", NoOptions),
            "kill": FaultRule("The process dies.", KillOptions),
            "pause": FaultRule("The process is frozen.", NoOptions),
        },
        checks={
            "availability": CheckRule("", "ratio", scopes=ALL_SCOPES, needs_load=True),
            "converged": CheckRule("", "seconds", awaited=True),
            "error_rate": CheckRule("", "ratio", scopes=ALL_SCOPES, needs_load=True),
            "failovers": CheckRule("", "count"),
            "latency_p99": CheckRule("", "milliseconds", scopes=ALL_SCOPES, needs_load=True),
            "lost_writes": CheckRule("", "count", ("ratio",), needs_load=True),
            "recovery_time": CheckRule("", "seconds", scopes=TIME_SCOPES),
            "redundant": CheckRule("", "seconds", awaited=True),
            "throughput": CheckRule("", "per second", scopes=ALL_SCOPES, needs_load=True),
            "unavailable_time": CheckRule("", "seconds", scopes=TIME_SCOPES),
        },
    )
