"""The toy store: a sharded store with replicas that are voted in, small enough to be read in one go.

Key k lives in slot crc32(k) mod shards, and every shard has one slot. Servers know of each other
what gossip would tell them, at once: their common knowledge is one `Store`. Nothing runs in the
background: whoever asks a server first lets the store catch up with the time.

It can be told to misbehave (see `Config`), so that it is known what the harness must find.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from weakref import WeakValueDictionary

from chaos import clock
from chaos.fake.config import Config, read_config
from chaos.fake.world import WORLD, Machine, Program, ProgramEnded, Reach
from chaos.model.view import FAILED, HEALTHY, MASTER, REPLICA, SUSPECTED, Member, View, natural

COMMAND = "toy-server"
PORT = 7000
AGREED_AFTER, PROMOTED_AFTER = 1.2, 1.5
"""In node timeouts since a server fell silent; it is suspected after one."""
SYNC_SECONDS = 0.1
"""How long a replica takes to copy its master."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a client gets for one question."""

    reach: Reach
    value: bytes | None = None
    error: str = ""
    """One of ERROR_CLASSES."""
    moved_to: str | None = None
    """The address of the server to ask instead."""

    @property
    def ok(self) -> bool:
        return self.reach is Reach.ANSWERS and not self.error


def shard_of(key: bytes, shards: int) -> int:
    """The shard in which a key lives, from 1."""
    return zlib.crc32(key) % shards + 1


def write(address: str, key: bytes, value: bytes) -> Reply:
    """Asks one server to store a value."""
    reach, server = WORLD.at(address)
    return server.write(key, value) if isinstance(server, Server) else Reply(reach)


def read(address: str, key: bytes) -> Reply:
    """Asks one server for a value; None is an absent key."""
    reach, server = WORLD.at(address)
    return server.read(key) if isinstance(server, Server) else Reply(reach)


def look(address: str) -> View | None:
    """What one server believes of the cluster; None if it does not answer."""
    _, server = WORLD.at(address)
    return server.view() if isinstance(server, Server) else None


class Server(Program):
    """One server of a store."""

    def __init__(self, machine: Machine) -> None:
        super().__init__(machine)
        config = self.config = read_config(machine.files)
        if machine.starts > 1 and config.start_again == "no":
            raise ProgramEnded("told not to start again")
        self.name, self.shard = config.name, config.shard
        self.linked = False
        """Holds all that its master holds."""
        self.linking_since: float | None = None
        self._writes = self._reads = 0
        self._store = STORES.setdefault(config.cluster, Store(config))
        self._store.join(self)
        self.say(clock.now(), "started", self.name)

    @property
    def data(self) -> dict[bytes, bytes]:
        return self.machine.disk

    def ends_on(self, signal: str) -> bool:
        return self.config.ignore_kill == "no"

    async def execute(self, words: Sequence[str]) -> tuple[int, str]:
        return (0, "PONG\n") if tuple(words) == ("toy-cli", "ping") else (127, f"{words[0]}: not found\n")

    def say(self, at: float, kind: str, subject: str) -> None:
        """Writes one line to the log: the loop's seconds, what happened, to whom."""
        self.machine.log.append(f"{at:.6f} {kind}: {subject}")

    def write(self, key: bytes, value: bytes) -> Reply:
        if wrong := self._wrong_server(key):
            return wrong
        self._writes += 1
        if _is_one_of(self._writes, self.config.refuse_writes):
            return Reply(Reach.ANSWERS, error="BUSY")
        if not _is_one_of(self._writes, self.config.lose_writes):
            for server in (self, *self._store.linked_replicas(self.shard)):
                server.data[key] = value
        return Reply(Reach.ANSWERS)

    def read(self, key: bytes) -> Reply:
        if wrong := self._wrong_server(key):
            return wrong
        self._reads += 1
        garbled = _is_one_of(self._reads, self.config.garble_reads)
        return Reply(Reach.ANSWERS, b"nonsense" if garbled else self.data.get(key))

    def view(self) -> View:
        now = clock.now()
        self._store.catch_up(now)
        return View(self.name, self._store.members(now), True, self._store.state(now), self._store.link(self))

    def _wrong_server(self, key: bytes) -> Reply | None:
        self._store.catch_up(clock.now())
        master = self._store.masters[shard_of(key, self._store.shards)]
        return None if master is self else Reply(Reach.ANSWERS, error="MOVED", moved_to=master.machine.address)


class Store:
    """What the servers of one store know together: who is master of what, and who is well."""

    def __init__(self, config: Config) -> None:
        self.shards, self._elections = config.shards, config.elections
        self._node_timeout = config.node_timeout / 1000
        self._servers: dict[str, Server] = {}
        self.masters: dict[int, Server] = {}
        self._epochs: dict[str, int] = {}
        self._agreed: set[str] = set()
        self._elect_again_at: dict[int, float] = {}
        self._caught_up = clock.now()

    def join(self, server: Server) -> None:
        """A server has started: at first as its config says, later as what it has become meanwhile."""
        known = self._servers.get(server.name)
        self._servers[server.name] = server
        self._servers = dict(sorted(self._servers.items(), key=lambda named: natural(named[0])))  # whoever starts first
        if known is None and server.config.role == MASTER:
            self.masters[server.shard] = server
            self.masters = dict(sorted(self.masters.items()))
            self._epochs[server.name] = server.shard
        elif known is not None and self.masters[server.shard] is known:
            self.masters[server.shard] = server
            for replica in self._replicas(server.shard):
                replica.linked = False  # the master may have come back with another disk

    def role(self, server: Server) -> str:
        return MASTER if self.masters[server.shard] is server else REPLICA

    def link(self, server: Server) -> str | None:
        """A replica's link to its master: `up` or `down`; None for a master."""
        if self.role(server) == MASTER:
            return None
        return "up" if server.linked and self.masters[server.shard].machine.well else "down"

    def linked_replicas(self, shard: int) -> list[Server]:
        return [server for server in self._replicas(shard) if server.linked and server.machine.well]

    def catch_up(self, now: float) -> None:
        """Lets happen what should have happened by now: agreed failures, elections, copies of masters."""
        if now == self._caught_up:
            return
        for server in self._servers.values():
            self._agree(server, now)
        for shard, master in list(self.masters.items()):
            self._elect(shard, master, now)
            for replica in self._replicas(shard):
                self._link(replica, self.masters[shard], now)
        self._caught_up = now

    def members(self, now: float) -> tuple[Member, ...]:
        """Every server as all of them see it."""
        return tuple(self._member(server, now) for server in self._servers.values())

    def state(self, now: float) -> str:
        served = all(self._health(master, now) != FAILED for master in self.masters.values())
        return "ok" if served and len(self.masters) == self.shards else "fail"

    def _replicas(self, shard: int) -> list[Server]:
        own = (server for server in self._servers.values() if server.shard == shard)
        return [server for server in own if server is not self.masters.get(shard)]

    def _member(self, server: Server, now: float) -> Member:
        is_master = self.role(server) == MASTER
        return Member(
            id=server.config.member_id,
            node=server.name,
            address=f"{server.machine.address}:{PORT}",
            role=MASTER if is_master else REPLICA,
            health=self._health(server, now),
            follows=None if is_master else self.masters[server.shard].config.member_id,
            slots=((server.shard - 1, server.shard - 1),) if is_master else (),
            epoch=self._epochs.get(server.name, 0),
        )

    def _health(self, server: Server, now: float) -> str:
        since = server.machine.unwell_since
        if since is None or now - since < self._node_timeout:
            return HEALTHY
        return FAILED if server.name in self._agreed else SUSPECTED

    def _agree(self, server: Server, now: float) -> None:
        """A server silent for long has failed once a majority of the masters can say so."""
        since = server.machine.unwell_since
        if since is None:
            self._agreed.discard(server.name)
        elif server.name not in self._agreed and now >= (due := since + AGREED_AFTER * self._node_timeout):
            voters = [master for master in self.masters.values() if master.machine.well]
            if 2 * len(voters) > self.shards:
                self._agreed.add(server.name)
                voters[0].say(max(due, self._caught_up), "agreed", server.name)

    def _elect(self, shard: int, master: Server, now: float) -> None:
        since = master.machine.unwell_since
        if since is not None and master.name in self._agreed and self._elections != "none":
            if now >= (due := since + PROMOTED_AFTER * self._node_timeout):
                self._promote_one(shard, max(due, self._caught_up))
        elif shard in self._elect_again_at and now >= self._elect_again_at[shard] and self._promote_one(shard, now):
            del self._elect_again_at[shard]

    def _promote_one(self, shard: int, at: float) -> bool:
        """Makes a replica that is well the shard's master; False if there is none."""
        well = [server for server in self._replicas(shard) if server.machine.well and server.linked]
        if not well:
            return False
        self.masters[shard] = chosen = well[0]
        self._epochs[chosen.name] = max(self._epochs.values()) + 1
        chosen.say(at, "election won", chosen.name)
        if self._elections == "two" and shard not in self._elect_again_at:
            self._elect_again_at[shard] = at + self._node_timeout
        return True

    def _link(self, replica: Server, master: Server, now: float) -> None:
        """A replica that is well and has a master copies it once, then receives every write."""
        if not replica.machine.well:
            replica.linked, replica.linking_since = False, None
        elif master.machine.well and not replica.linked:
            replica.linking_since = replica.linking_since or now
            if now - replica.linking_since >= SYNC_SECONDS:
                replica.data.clear()
                replica.data.update(master.data)
                replica.linked, replica.linking_since = True, None


def _is_one_of(number: int, every: int) -> bool:
    return every > 0 and number % every == 0


STORES: WeakValueDictionary[str, Store] = WeakValueDictionary()
"""Every store that has a server, by its cluster's name."""


WORLD.programs[COMMAND] = Server
