"""Redis Cluster: masters share out 16,384 slots, replicas follow them, and the masters vote a failed one's replica in.

How it is formed, and why so: a fresh *master* refuses to be ok for two seconds (compiled in), a node that
starts as a replica does not. So every node starts from a prepared `nodes.conf` in which the roles are
swapped, and the intended masters take over at once. Nobody has to meet anybody.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from typing import Any

from chaos.analysis.prediction import redis_cluster_envelope
from chaos.errors import EnvironmentLacks, NodeCallFailed
from chaos.model.evidence import NodeLogEvent
from chaos.model.node import Endpoint, Node
from chaos.model.plan import NodePlan, Place, RunPlan, ServerIdentity, Setting, Site
from chaos.model.result import Prediction
from chaos.model.view import MASTER, REPLICA, SlotRanges, View, natural, resolve
from chaos.scenario.language import ClusterSpec
from chaos.systems._redis_reads import final_reads
from chaos.systems.system import SECRET, Answer, LiveNodes, System, SystemPlan
from chaos.wire.caller import Caller, Request, fields, text
from chaos.wire.cluster_nodes import Names, Seed, nodes_conf, read_members
from chaos.wire.node_log import read_log
from chaos.wire.resp import ReplyError
from chaos.wire.slots import key_slot, share_out, slot_table

BUS_OFFSET = 10000
DEFAULT_NODE_TIMEOUT_MS = 15000
"""What Redis uses where the scenario says nothing."""
FORMING = {
    "repl-diskless-sync-delay": ("0", "5", "a replica's first copy starts at once instead of after 5 s"),
    "repl-diskless-load": ("on-empty-db", "disabled", "a replica's first copy goes to memory, not to its disk first"),
}
"""Directive → its value while forming, the server's default that is set back, and why."""
POLL_SECONDS = 0.01
INSIDE_SECONDS = 0.25
_UNKNOWN_DIRECTIVE = re.compile(r"Unsupported CONFIG parameter|Unknown option")
_NOTHING = '""'
"""How an empty value is written in a configuration file."""


class RedisCluster(System, name="redis-cluster"):
    """Redis Cluster, version 5 and newer, and Valkey."""

    protocol = "redis"
    port = 6379
    sentence = "Redis Cluster: sharded masters with replicas that are voted in"
    least_shards = 3  # fewer masters cannot agree by majority that one of them has failed
    reserved_config = {
        "port": "every node listens on 6379",
        "dir": "the harness places the data",
        "cluster-enabled": "it always is",
        "cluster-config-file": "the harness prepares it",
        "cluster-announce-ip": "nodes announce the addresses of their own network",
        "cluster-announce-port": "nodes announce the addresses of their own network",
        "cluster-announce-bus-port": "nodes announce the addresses of their own network",
        "daemonize": "the engine watches the server process",
        "logfile": "the log is read from the standard output",
        "requirepass": "write cluster: {password: env NAME}",
        "masterauth": "write cluster: {password: env NAME}",
        "protected-mode": "nodes are reached from other addresses",
    }

    def __init__(self) -> None:
        self._caller = Caller()

    async def close(self) -> None:
        await self._caller.close()

    def node_names(self, spec: ClusterSpec) -> tuple[str, ...]:
        return tuple(f"redis-{number}" for number in range(1, spec.shards * (1 + spec.replicas) + 1))

    def plan(self, spec: ClusterSpec, site: Site, server: ServerIdentity, *, secured: bool, run_id: str) -> SystemPlan:
        shard_slots = share_out(spec.shards)
        layout = _Layout(spec, site, run_id)
        nodes = tuple(
            NodePlan(
                name=place.node,
                service="redis",
                role=MASTER if number < spec.shards else REPLICA,
                shard=number % spec.shards + 1,
                member_id=_member_id(run_id, place.node),
                place=place,
                command=("redis-server", f"{place.config_path}/redis.conf"),
                files={
                    f"{place.config_path}/redis.conf": _redis_conf(_config(spec, place, secured=secured)),
                    f"{place.data_path}/nodes.conf": layout.nodes_conf(number, shard_slots),
                },
            )
            for number, place in enumerate(site.places)
        )
        settings = _settings(spec, _config(spec, site.places[0], secured=secured))
        return SystemPlan(nodes, shard_slots, tuple(settings))

    async def form(self, cluster: LiveNodes, timeout_seconds: float) -> None:
        silent = set(cluster.nodes)
        missing: list[str] = []
        try:
            async with asyncio.timeout(timeout_seconds):
                await _all(self._wait_for_answer(cluster, node, silent) for node in cluster.nodes)
                await self._configure(cluster, {name: during for name, (during, _, _) in FORMING.items()})
                await self._take_over(cluster)
                while missing := await self._unformed(cluster):
                    await asyncio.sleep(POLL_SECONDS)
                await self._configure(cluster, _after_forming(cluster.plan))
        except TimeoutError as error:
            missing = [f"{node} does not answer" for node in sorted(silent, key=natural)] or missing
            raise EnvironmentLacks(
                f"the cluster did not form within {timeout_seconds:g} s: {'; '.join(missing[:3])}"
            ) from error
        except NodeCallFailed as error:
            raise EnvironmentLacks(f"the cluster did not form: {error}") from error

    async def _wait_for_answer(self, cluster: LiveNodes, node: str, silent: set[str]) -> None:
        """Asks until the node answers, and takes it off `silent`; raises EnvironmentLacks for a wrong password."""
        while True:
            try:
                reply = (await self._caller.call(cluster.endpoint(node), ("PING",), timeout_seconds=0.25))[0]
                if not isinstance(reply, ReplyError):
                    silent.discard(node)
                    return
                if str(reply).startswith(("NOAUTH", "WRONGPASS", "ERR AUTH")):
                    raise EnvironmentLacks(f"{node} refuses the password: {reply}")
            except NodeCallFailed:
                pass
            await asyncio.sleep(POLL_SECONDS)

    async def _take_over(self, cluster: LiveNodes) -> None:
        """Makes each intended master one, the next when it has heard of the last one's epoch: no two take the same."""
        epoch = 0
        for node in cluster.plan.nodes:
            if node.role == MASTER:
                while (await self._cluster_info(cluster, node.name, "cluster_current_epoch")) < epoch:
                    await asyncio.sleep(POLL_SECONDS / 10)
                [reply] = await self._caller.call(cluster.endpoint(node.name), ("CLUSTER", "FAILOVER", "TAKEOVER"))
                if isinstance(reply, ReplyError) and "to a replica" not in str(reply):
                    raise NodeCallFailed(f"{node.name} does not take over: {reply}")
                epoch = await self._cluster_info(cluster, node.name, "cluster_my_epoch")

    async def _cluster_info(self, cluster: LiveNodes, node: str, field: str) -> int:
        [info] = await self._caller.call(cluster.endpoint(node), ("CLUSTER", "INFO"))
        return int(fields(text(info))[field])

    async def _configure(self, cluster: LiveNodes, values: Mapping[str, str]) -> None:
        """Sets directives on every node at run time, so that no file keeps what only serves forming.

        A directive that a server is too old to know is left out there.
        """
        requests = [("CONFIG", "SET", name, value) for name, value in values.items()]
        answers = await _all(self._caller.call(cluster.endpoint(node), *requests) for node in cluster.nodes)
        for reply in (reply for replies in answers for reply in replies):
            if not (isinstance(reply, ReplyError) and _UNKNOWN_DIRECTIVE.search(str(reply))):
                text(reply)

    async def _unformed(self, cluster: LiveNodes) -> list[str]:
        """What is missing until every node says ok, has its role and its link, and knows every master's slots.

        That the nodes also agree on who follows whom takes gossip another second or two; the warm-up has that time.
        """
        views = await self.views(cluster)
        return [gap for view in views for gap in _gaps(view, cluster.plan)]

    async def views(self, cluster: LiveNodes) -> list[View]:
        names = _names(cluster.plan)
        return await _all(self._view(cluster, node.name, names) for node in cluster.plan.nodes)

    async def _view(self, cluster: LiveNodes, node: str, names: Names) -> View:
        questions: tuple[Request, ...] = (("CLUSTER", "NODES"), ("CLUSTER", "INFO"), ("INFO", "replication"))
        try:
            replies = await self._caller.call(cluster.endpoint(node), *questions)
            members, info, replication = (text(reply) for reply in replies)
        except NodeCallFailed:
            return View(observer=node, reachable=False)
        return View(
            observer=node,
            members=read_members(members, names, node),
            state=fields(info).get("cluster_state"),
            link=fields(replication).get("master_link_status"),
        )

    async def ask(self, endpoint: Endpoint, timeout_seconds: float) -> Answer:
        try:
            async with asyncio.timeout(timeout_seconds):
                source, sink = await asyncio.open_connection(endpoint.host, endpoint.port)
        except ConnectionRefusedError:
            return Answer.REFUSES
        except (OSError, TimeoutError):
            return Answer.UNREACHABLE
        try:
            sink.write(b"PING\r\n")
            async with asyncio.timeout(timeout_seconds):
                return Answer.ANSWERS if await source.read(1) else Answer.REFUSES
        except TimeoutError:
            return Answer.SILENT
        except OSError:
            return Answer.REFUSES
        finally:
            sink.close()

    async def ask_inside(self, cluster: LiveNodes, node: Node) -> bool:
        """A refusal for want of a password is an answer too."""
        place = node.plan.place
        if place.server_port is not None:
            return await self.ask(Endpoint(place.host, place.server_port), INSIDE_SECONDS) is Answer.ANSWERS
        _, output = await cluster.execute(node.name, ("redis-cli", "-p", str(node.plan.place.port), "ping"))
        return "PONG" in output or "NOAUTH" in output

    async def version(self, cluster: LiveNodes) -> str:
        [info] = await self._caller.call(cluster.endpoint(cluster.plan.nodes[0].name), ("INFO", "server"))
        server = fields(text(info))
        return server.get("valkey_version") or server["redis_version"]

    async def final_reads(self, cluster: LiveNodes, keys: int) -> bytes:
        live = resolve(await self.views(cluster), cluster.plan.shard_slots, cluster.nodes)
        return await final_reads(cluster, self._caller, live.masters, keys)

    def canary_keys(self, shard_slots: Mapping[int, SlotRanges]) -> dict[int, str]:
        shards = slot_table(dict(shard_slots))
        found: dict[int, str] = {}
        number = 0
        while len(found) < len(shard_slots):
            key = f"chaos:canary:{number}"
            found.setdefault(shards[key_slot(key.encode())], key)
            number += 1
        return found

    def read_log(self, plan: RunPlan, node: str, text: str, wall_offset: float) -> list[NodeLogEvent]:
        ids = {member.member_id: member.name for member in plan.nodes}
        return read_log(node, text, wall_offset, ids.get)

    def predict(self, plan: RunPlan, server_version: str | None) -> Prediction | None:
        return redis_cluster_envelope(node_timeout_seconds(plan))


def _gaps(view: View, plan: RunPlan) -> list[str]:
    """What one node's view lacks until the cluster is formed as planned, in words."""
    me, planned = view.itself, plan.node(view.observer)
    if me is None or view.state != "ok":
        return [f"{view.observer} says cluster_state:{view.state}" if view.reachable else f"{view.observer} is silent"]
    if me.id != planned.member_id:
        return [f"at the address of {view.observer} answers another server, whose id is {me.id}"]
    if me.role != planned.role:
        return [f"{view.observer} is not yet a {planned.role}"]
    if planned.role == REPLICA and view.link != "up":
        return [f"{view.observer} has no link to its master"]
    masters = {node.shard: view.named(node.name) for node in plan.nodes if node.role == MASTER}
    return [
        f"{view.observer} does not know the master of shard {shard}"
        for shard, ranges in plan.shard_slots.items()
        if (master := masters[shard]) is None or master.role != MASTER or master.slots != ranges
    ]


def node_timeout_seconds(plan: RunPlan) -> float:
    """`cluster-node-timeout` as planned, in seconds."""
    chosen = [setting.value for setting in plan.settings if setting.name == "cluster-node-timeout"]
    return float(chosen[-1] if chosen else DEFAULT_NODE_TIMEOUT_MS) / 1000


class _Layout:
    """Who is who when the nodes start: roles swapped, every id and address already known."""

    def __init__(self, spec: ClusterSpec, site: Site, run_id: str) -> None:
        self._shards, self._places = spec.shards, site.places
        self._ids = [_member_id(run_id, place.node) for place in site.places]

    def nodes_conf(self, number: int, shard_slots: Mapping[int, SlotRanges]) -> str:
        """The file of one node; each starts one epoch further, so that no two masters take the same."""
        seeds = [self._seed(place, index, shard_slots) for index, place in enumerate(self._places)]
        return nodes_conf(seeds, self._ids[number], self._shards + number)

    def _seed(self, place: Place, index: int, shard_slots: Mapping[int, SlotRanges]) -> Seed:
        shard = index % self._shards + 1
        leader = self._starts_as_master(shard)
        return Seed(
            id=self._ids[index],
            host=place.host,
            port=place.port,
            bus_port=place.bus_port or place.port + BUS_OFFSET,
            epoch=shard,
            follows=None if index == leader else self._ids[leader],
            slots=shard_slots[shard] if index == leader else (),
        )

    def _starts_as_master(self, shard: int) -> int:
        """The shard's first replica; its intended master itself where there is no replica."""
        first_replica = self._shards + shard - 1
        return first_replica if first_replica < len(self._places) else shard - 1


def _redis_conf(config: Mapping[str, tuple[str, ...]]) -> str:
    """The file's text; an empty value is written as `""`, as in `save ""`."""
    return "".join(f"{name} {value or _NOTHING}\n" for name, values in config.items() for value in values)


def _config(spec: ClusterSpec, place: Place, *, secured: bool) -> dict[str, tuple[str, ...]]:
    """Every directive of one node's `redis.conf`: the harness's own, then the scenario's."""
    own = {
        "port": (str(place.server_port or place.port),),
        **_announced(place),
        "dir": (place.data_path,),
        "cluster-enabled": ("yes",),
        "cluster-config-file": ("nodes.conf",),
        "protected-mode": ("no",),
    }
    quoted = f'"{SECRET}"'
    secret = {"requirepass": (quoted,), "masterauth": (quoted,)} if secured else {}
    return own | secret | dict(spec.config)


def _announced(place: Place) -> dict[str, tuple[str, ...]]:
    """On the loopback nobody else may come in; behind a proxy, a node has to be told where the others find it."""
    settings: dict[str, tuple[str, ...]] = {"bind": (place.host,)} if ip_address(place.host).is_loopback else {}
    if place.server_port not in (None, place.port):
        settings |= {
            "cluster-announce-ip": (place.host,),
            "cluster-announce-port": (str(place.port),),
            "cluster-announce-bus-port": (str(place.bus_port),),
        }
    return settings


def _settings(spec: ClusterSpec, config: Mapping[str, tuple[str, ...]]) -> Iterable[Setting]:
    for name, values in config.items():
        origin = "scenario" if name in spec.config else "harness"
        for value in values:
            yield Setting(name=name, value=value, origin=origin)
    for name, (during, after, reason) in FORMING.items():
        if name not in spec.config:
            yield Setting(name=name, value=during, origin="forming", reason=f"{reason}; set back to {after}")


def _after_forming(plan: RunPlan) -> dict[str, str]:
    chosen = {setting.name: setting.value for setting in plan.settings if setting.origin == "scenario"}
    return {name: chosen.get(name, after) for name, (_, after, _) in FORMING.items()}


def _member_id(run_id: str, node: str) -> str:
    """The 40 hexadecimal digits by which members know a node: a node of another run is never taken for it."""
    return hashlib.sha1(f"{run_id}/{node}".encode(), usedforsecurity=False).hexdigest()


def _names(plan: RunPlan) -> Names:
    return Names(
        by_id={node.member_id: node.name for node in plan.nodes},
        by_address={f"{node.place.host}:{node.place.port}": node.name for node in plan.nodes},
    )


async def _all(calls: Iterable[Any]) -> list[Any]:
    """The results of calls made at once; the first that fails ends the others."""
    tasks = [asyncio.ensure_future(call) for call in calls]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
