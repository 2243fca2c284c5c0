"""What a run is going to build: every node, address, command and setting, before anything starts."""

from __future__ import annotations

from typing import Any

from chaos.model.record import Record


class Place(Record):
    """Where one node will live: the address the cluster's members use, inside their network."""

    node: str
    host: str
    port: int
    bus_port: int | None = None
    reach_host: str
    """The host at which the harness and its clients reach the node."""
    reach_port: int
    server_port: int | None = None
    """The port the server itself listens on, at `host`, past any proxy; None if it cannot be reached so from here."""
    data_path: str = "/data"
    """The folder for the server's data, as the node itself sees it."""
    config_path: str = "/etc/chaos"
    """The folder for its configuration."""


class NetworkPlan(Record):
    """One network of a run; a local run has none."""

    name: str
    subnet: str
    gateway: str
    internal: bool = False


class Site(Record):
    """The ground a driver has set aside for one cluster."""

    network: NetworkPlan | None
    places: tuple[Place, ...]
    reach: str
    """`addresses`: nodes are reached where the cluster says they are; `ports`: through published ports."""
    reach_reason: str = ""

    def place(self, node: str) -> Place:
        return next(place for place in self.places if place.node == node)


class NodePlan(Record):
    """One node to start. `files` are absolute paths inside the node with their text."""

    name: str
    service: str
    role: str
    shard: int | None
    """1-based; None for a node that holds no shard."""
    member_id: str
    """The id by which the cluster's members know this node."""
    place: Place
    command: tuple[str, ...]
    files: dict[str, str] = {}
    environment: dict[str, str] = {}
    aliases: tuple[str, ...] = ()


class Setting(Record):
    """One server setting and who chose it: `scenario`, `harness`, or `forming` (set back before t = 0)."""

    name: str
    value: str
    origin: str
    reason: str = ""


class ServerIdentity(Record):
    """Which server runs: the image or binary asked for, the one used, and its version."""

    asked: str
    used: str
    id: str
    """The image id, or the binary's resolved path."""
    digest: str | None = None
    """The registry digest of the image; None for an image made on this machine."""
    version: str | None = None
    stand_in_reason: str | None = None
    """Why something else than what was asked for is used; None when it is what was asked for."""

    @property
    def sentence(self) -> str:
        """One phrase for the first line of a run and its reports."""
        version = f", server {self.version}" if self.version else ""
        digest = f" ({self.digest})" if self.digest else f" ({self.id[:19]})"
        if self.stand_in_reason:
            return f"{self.used}{digest} in place of {self.asked}: {self.stand_in_reason}{version}"
        return f"{self.used}{digest}{version}"


class PlannedInjection(Record):
    """One entry of the fault timeline, in seconds since t = 0."""

    name: str
    fault: str
    target: str
    at: float
    until: float
    options: dict[str, Any] = {}
    lasting: bool = False
    """True for a change that stays: it is not reverted."""
    note: str = ""


class RunPlan(Record):
    """The whole plan of one run, as written to `plan.json`."""

    schema_version: int = 1
    run_id: str
    scenario: str
    system: str
    driver: str
    engine: str
    """The engine and its version in words, or the host for local processes."""
    engine_remote: bool = False
    server: ServerIdentity
    seed: int
    site: Site
    nodes: tuple[NodePlan, ...]
    shard_slots: dict[int, tuple[tuple[int, int], ...]]
    """The slot ranges each shard was formed with, inclusive; the shard stays these slots."""
    settings: tuple[Setting, ...]
    timeline: tuple[PlannedInjection, ...]
    defaults: dict[str, Any] = {}
    """Every scenario setting after defaults, in the scenario's own words."""

    def node(self, name: str) -> NodePlan:
        return next(node for node in self.nodes if node.name == name)
