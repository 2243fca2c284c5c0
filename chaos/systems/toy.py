"""Toy: the fake store of the harness's own tests, and the smallest example of a system."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from itertools import count

from chaos import __version__
from chaos.errors import EnvironmentLacks
from chaos.fake import store
from chaos.fake.config import FILE, HARNESS_OWN, Config, write_config
from chaos.fake.world import WORLD, Reach
from chaos.model.evidence import NodeLogEvent
from chaos.model.node import Endpoint, Node
from chaos.model.operation import FINAL_READ_FIELDS, NOT_READ, row_struct
from chaos.model.plan import NodePlan, Place, RunPlan, ServerIdentity, Setting, Site
from chaos.model.result import Prediction
from chaos.model.view import MASTER, REPLICA, SlotRanges, View, resolve
from chaos.scenario.language import ClusterSpec
from chaos.systems.system import Answer, LiveNodes, System, SystemPlan
from chaos.wire.stored import key_name, stored_sequence

POLL_SECONDS = 0.02
ANSWERS = {
    Reach.ANSWERS: Answer.ANSWERS,
    Reach.SILENT: Answer.SILENT,
    Reach.REFUSES: Answer.REFUSES,
    Reach.ABSENT: Answer.UNREACHABLE,
}


class Toy(System, name="toy"):
    """Servers of `chaos.fake.store`; they run on the driver `memory` only."""

    protocol = "toy"
    port = store.PORT
    sentence = "the fake store of the harness's own tests, in memory"
    reserved_config = dict.fromkeys(HARNESS_OWN, "the plan decides it")

    def node_names(self, spec: ClusterSpec) -> tuple[str, ...]:
        return tuple(f"toy-{number}" for number in range(1, spec.shards * (1 + spec.replicas) + 1))

    def plan(self, spec: ClusterSpec, site: Site, server: ServerIdentity, *, secured: bool, run_id: str) -> SystemPlan:
        nodes = tuple(_node(spec, place, number, run_id) for number, place in enumerate(site.places))
        slots = {shard: ((shard - 1, shard - 1),) for shard in range(1, spec.shards + 1)}
        chosen = [(name, value) for name, values in spec.config.items() for value in values]
        settings = tuple(Setting(name=name, value=value, origin="scenario") for name, value in chosen)
        return SystemPlan(nodes, slots, settings)

    async def form(self, cluster: LiveNodes, timeout_seconds: float) -> None:
        try:
            async with asyncio.timeout(timeout_seconds):
                while missing := [view.observer for view in await self.views(cluster) if not _formed(view)]:
                    await asyncio.sleep(POLL_SECONDS)
        except TimeoutError as error:
            raise EnvironmentLacks(f"the store did not form in time: {', '.join(missing)} not linked") from error

    async def views(self, cluster: LiveNodes) -> list[View]:
        return [
            store.look(node.place.reach_host) or View(observer=node.name, reachable=False)
            for node in cluster.plan.nodes
        ]

    async def ask(self, endpoint: Endpoint, timeout_seconds: float) -> Answer:
        return ANSWERS[WORLD.at(endpoint.host)[0]]

    async def ask_inside(self, cluster: LiveNodes, node: Node) -> bool:
        return (await cluster.execute(node.name, ("toy-cli", "ping"))) == (0, "PONG\n")

    async def version(self, cluster: LiveNodes) -> str:
        return __version__

    async def final_reads(self, cluster: LiveNodes, keys: int) -> bytes:
        live = resolve(await self.views(cluster), cluster.plan.shard_slots, cluster.nodes)
        names = [node.name for node in cluster.plan.nodes]
        row, rows = row_struct(FINAL_READ_FIELDS), bytearray()
        for key in range(keys):
            master = live.masters[store.shard_of(key_name(key), len(live.masters))]
            sequence = _final(cluster, master, key) if master else NOT_READ
            rows += row.pack(key, sequence, names.index(master) if master else 0)
        return bytes(rows)

    def canary_keys(self, shard_slots: Mapping[int, SlotRanges]) -> dict[int, str]:
        found: dict[int, str] = {}
        names = (f"canary:{number}" for number in count())
        while len(found) < len(shard_slots):
            name = next(names)
            found.setdefault(store.shard_of(name.encode(), len(shard_slots)), name)
        return found

    def read_log(self, plan: RunPlan, node: str, text: str, wall_offset: float) -> list[NodeLogEvent]:
        """The fake world has no wall clock: its lines bear the seconds of the loop."""
        return [_logged(node, line) for line in text.splitlines()]

    def predict(self, plan: RunPlan, server_version: str | None) -> Prediction | None:
        """A new master serves `PROMOTED_AFTER` node timeouts after the old one fell silent, give or take a beat."""
        chosen = [int(setting.value) for setting in plan.settings if setting.name == "node-timeout"]
        seconds = store.PROMOTED_AFTER * (chosen or [Config.model_fields["node_timeout"].default])[-1] / 1000
        return Prediction(low=seconds - POLL_SECONDS, high=seconds + POLL_SECONDS, basis="the toy store's own rule")


def _node(spec: ClusterSpec, place: Place, number: int, run_id: str) -> NodePlan:
    """The k-th node serves shard (k mod shards) + 1; the masters come first."""
    shard, role = number % spec.shards + 1, MASTER if number < spec.shards else REPLICA
    config = {
        "cluster": run_id,
        "name": place.node,
        "member-id": f"id-{place.node}",
        "role": role,
        "shard": str(shard),
        "shards": str(spec.shards),
        **{name: values[-1] for name, values in spec.config.items()},
    }
    return NodePlan(
        name=place.node,
        service="redis",  # what every single `cluster` is called, whichever system it is of
        role=role,
        shard=shard,
        member_id=config["member-id"],
        place=place,
        command=(store.COMMAND,),
        files={f"{place.config_path}/{FILE}": write_config(config)},
    )


def _formed(view: View) -> bool:
    return view.reachable and view.state == "ok" and view.link in (None, "up")


def _final(cluster: LiveNodes, master: str, key: int) -> int:
    reply = store.read(cluster.endpoint(master).host, key_name(key))
    found = stored_sequence(reply.value, cluster.plan.run_id.encode()) if reply.ok else None
    return NOT_READ if found is None else found


def _logged(node: str, line: str) -> NodeLogEvent:
    stamp, _, said = line.partition(" ")
    kind, _, subject = said.partition(": ")
    at = float(stamp)
    return NodeLogEvent(node, at, at, kind, subject, said)
