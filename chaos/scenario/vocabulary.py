"""The keys of a scenario: what each mapping may hold, and what later versions bring to it.

Reader, overrides and JSON Schema all read these tables, so a key is added in one place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from chaos.scenario import forms
from chaos.scenario.forms import Form


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a mapping."""

    sentence: str
    form: Form | None = None
    """How its value is written; None for a value with a reader of its own."""
    field: str = ""
    """The record's field it fills, where that has another name."""


@dataclass(frozen=True, slots=True)
class Table:
    """The keys of one mapping."""

    title: str
    """What the mapping is called in messages."""
    keys: Mapping[str, Key]
    later: frozenset[str] = field(default_factory=frozenset)
    """Keys that are part of the language and not available yet."""
    required: tuple[str, ...] = ()


NETWORK: Final = Table(
    "network",
    {
        "subnet": Key("The IPv4 subnet; left out, a free /24 of 198.18.0.0/15 is chosen.", forms.SUBNET),
        "gateway": Key("The gateway's address inside the subnet.", forms.ADDRESS),
        "internal": Key("No way out of the network.", forms.YES_NO),
        "first_host": Key("The host number of the first node; the others follow.", forms.POSITIVE),
    },
    later=frozenset({"mode", "driver", "ip_range"}),
)

CLUSTER: Final = Table(
    "cluster",
    {
        "system": Key("The software under test.", forms.WORD),
        "image": Key("The container image; used by drivers that run images.", forms.WORD),
        "binary": Key("The server binary; used by the local driver. Left out, one is looked for.", forms.WORD),
        "pull": Key("When the image is fetched.", forms.one_of("missing", "always", "never")),
        "shards": Key("Masters, each with its share of the data.", forms.count_from(1, 1000)),
        "replicas": Key("Replicas of each shard.", forms.count_from(0, 100)),
        "config": Key("The server's own directives and words; a list repeats a directive."),
        "network": Key("The cluster's own network."),
        "reach": Key("How the nodes are reached from here.", forms.one_of("auto", "addresses", "ports")),
        "publish": Key("Publish each node's client port on 127.0.0.1.", forms.YES_NO),
        "password": Key("`env NAME`: the variable that holds the password.", forms.SECRET, "password_variable"),
    },
    later=frozenset(
        {
            "data", "limits", "tls", "zones", "attach", "networks", "sentinels", "quorum", "sentinel_config",
            "nodes", "ports", "volumes", "command", "ready", "depends_on",
        }
    ),
)  # fmt: skip

LOAD: Final = Table(
    "load",
    {
        "name": Key("What the load is called in results.", forms.NAME),
        "users": Key("Users that share out the schedule.", forms.POSITIVE),
        "rate": Key("Operations per second of an open schedule; left out, a closed loop.", forms.RATE),
        "writes": Key("The share of operations that write.", forms.SHARE),
        "keys": Key("How many keys there are, or `unique`: each key written once.", forms.KEYS),
        "value_size": Key("The size of a value.", forms.SIZE),
        "timeout": Key("An answer after it counts as unknown.", forms.DURATION_ABOVE_ZERO),
        "max_in_flight": Key("Operations under way at once, at most.", forms.POSITIVE),
    },
    later=frozenset(
        {
            "to", "wait", "client", "http", "stages", "locustfile", "host", "workers", "preload", "hot", "zipf",
            "distribution", "pipeline", "transactions", "hash_tags", "engine", "attach",
        }
    ),
)  # fmt: skip

ENTRY: Final = Table(
    "fault entry",
    {
        "name": Key("What this injection is called in scopes and results.", forms.NAME),
        "at": Key("When it is due, counted from the end of the warm-up.", forms.DURATION),
        "for": Key(
            "How long it stays from the instant it took effect; left out, to the end.",
            forms.DURATION_ABOVE_ZERO,
            "hold",
        ),
        "fault": Key("The kind of fault; `kill: TARGET` is short for it.", forms.WORD),
        "target": Key("Which nodes it hits, resolved when it is due."),
    },
    later=frozenset({"every", "times", "when", "any_of", "tolerable", "at_most"}),
    required=("at",),
)

SCENARIO: Final = Table(
    "scenario",
    {
        "name": Key("What the scenario is called; left out, the file's name.", forms.NAME),
        "description": Key("What it is about, for people.", forms.TEXT),
        "cluster": Key("What to build."),
        "load": Key("What traffic to drive."),
        "warmup": Key("Load before t = 0.", forms.DURATION),
        "faults": Key("What to break, and when."),
        "duration": Key("How long one trial lasts from t = 0.", forms.DURATION_ABOVE_ZERO),
        "settle": Key("How long convergence and redundancy are awaited after healing.", forms.DURATION),
        "seed": Key("The seed of every draw; left out, a new one is drawn.", forms.count_from(0, 2**63 - 1)),
        "expect": Key("What must hold."),
    },
    later=frozenset(
        {
            "services", "networks", "trials", "zones", "data", "limits", "tls", "password", "reach", "network",
            "preload", "hot", "zipf", "max_in_flight", "workers", "abort", "attach",
        }
    ),
    required=("cluster",),
)  # fmt: skip

SECTIONS: Final[Mapping[tuple[str, ...], Table]] = {
    (): SCENARIO,
    ("cluster",): CLUSTER,
    ("cluster", "network"): NETWORK,
    ("load",): LOAD,
}
"""The mappings with fixed keys, by their path."""
