"""The users of a Redis Cluster: the strict ones, and a few that behave like an ordinary application."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import gevent
import redis
from gevent.event import Event
from locust import User, constant_pacing, task
from locust.exception import StopUser
from redis.cluster import ClusterNode, RedisCluster
from redis.exceptions import RedisClusterException, RedisError

from chaos.load.engine import ConnectFailed, Operation
from chaos.load.load import LoadOrder
from chaos.load.progress import Progress
from chaos.load.recorder import Recorder
from chaos.load.redis_engine import RedisEngine
from chaos.load.schedule import OpenSchedule
from chaos.load.users.user import Users
from chaos.load.workload import Workload
from chaos.model.operation import ERROR_CLASSES, ERROR_CODE, NOT_READ, NOWHERE, Client, Kind, Outcome
from chaos.wire.resp import error_code, pack
from chaos.wire.slots import key_slot, slot_table
from chaos.wire.stored import key_name, stored_sequence, stored_value

STRICT, APPLICATION = 0, 1
"""The clients of this load, as indices."""
APPLICATION_SECONDS = 0.05
"""One application-like client begins a write so often, if the last one has ended."""
COMMANDS = {Kind.READ: "GET", Kind.WRITE: "SET"}
REDIS_PY_DEFAULTS = {"socket_timeout": "5s", "socket_connect_timeout": "5s", "retries": "10", "backoff": "10ms to 1s"}
"""What redis-py 8 does unless told otherwise (redis/_defaults.py); only `protocol` is set by us."""
STRICT_CLIENT = Client(
    name="strict",
    library="own RESP client, one multiplexed connection per node",
    settings={"retries": "none; one redirection is followed"},
)


class OperationFailed(Exception):
    """How Locust is told that an operation did not succeed: the outcome and its error class."""


class RedisUsers(Users, name="redis"):
    """What all users of one load share: engine, workload, schedule, recorder and Locust's statistics."""

    def __init__(self, order: LoadOrder) -> None:
        self.order = order
        count = order.application_clients
        self.application_clients = len(order.shard_slots) if count is None else count
        self.clients = _clients(order, self.application_clients)
        self.recorder = Recorder(Path(order.run_directory), tuple(place.node for place in order.nodes), self.clients)
        self.progress = Progress(order.load)
        self.engine = RedisEngine(order.nodes, order.password, order.timeout, _max_in_flight(order))
        self.shard_of_slot = slot_table(order.shard_slots)
        self.tag = order.value_tag.encode()
        self.users = order.users
        self.begun = Event()
        self.concluded = False
        self.submitted = 0
        """Operations of the open schedule handed to the engine."""
        self._workload = Workload(order.writes, order.keys, order.seed)
        self._strict_numbers, self._application_numbers = itertools.count(), itertools.count()

    @property
    def in_flight(self) -> int:
        return self.engine.in_flight

    @property
    def redirected(self) -> int:
        return self.engine.redirected

    @property
    def keys(self) -> int:
        return self._workload.keys

    def connect(self, timeout_seconds: float) -> None:
        self.engine.connect(timeout_seconds)
        try:  # made before traffic begins: it costs a client tens of milliseconds to find its cluster
            self.application = [_application_client(self.order) for _ in range(self.application_clients)]
        except (RedisError, RedisClusterException, OSError) as error:
            raise ConnectFailed(f"redis-py found no cluster: {error}") from error

    def classes(self) -> list[type[User]]:
        RedisUser.shared = ApplicationUser.shared = self
        RedisUser.fixed_count, ApplicationUser.fixed_count = self.users, self.application_clients
        return [RedisUser, ApplicationUser] if self.application_clients else [RedisUser]

    def next_number(self, client: int) -> int:
        """Numbers the users of each kind from 0."""
        return next(self._strict_numbers if client == STRICT else self._application_numbers)

    def begin(self) -> None:
        if self.order.rate is not None:
            self.schedule = OpenSchedule(time.monotonic(), self.order.rate)
        self.begun.set()

    def conclude(self) -> None:
        self.concluded = True
        if self.schedule is None:
            return
        self.schedule.end = time.monotonic()
        deadline = self.schedule.end + self.order.timeout
        while self.submitted < self.schedule.due() and time.monotonic() < deadline:
            gevent.sleep(0.001)

    def drain(self) -> None:
        self.engine.drain()

    def submit(self, intended: float, user: RedisUser) -> None:
        """Draws the next operation and hands it to the engine; the user is told when it is completed."""
        kind, key, sequence = self._workload.next()
        name = key_name(key)
        if kind is Kind.WRITE:
            request = pack("SET", name, stored_value(sequence, self.tag, self.order.value_size))
        else:
            request = pack("GET", name)
        slot = key_slot(name)
        self.engine.submit(Operation(kind, key, sequence, self.trial, slot, request, intended, user.completed))

    def record(self, operation: Operation) -> None:
        """Writes the row of a completed operation and counts it."""
        read = self._read_sequence(operation)
        self.recorder.add(
            intended=operation.intended,
            sent=operation.sent,
            completed=operation.completed,
            key=operation.key,
            write_sequence=operation.sequence,
            read_sequence=read,
            client=STRICT,
            trial=operation.trial,
            shard=self.shard_of_slot[operation.slot],
            node=operation.node,
            kind=operation.kind,
            outcome=operation.outcome,
            error=operation.error,
        )
        self.progress.add(operation)

    def _read_sequence(self, operation: Operation) -> int:
        """The sequence that a read found; a value that this run did not write makes the read fail."""
        if operation.kind is not Kind.READ or operation.outcome is not Outcome.OK:
            return NOT_READ
        reply = operation.reply
        sequence = stored_sequence(reply, self.tag) if reply is None or isinstance(reply, bytes) else None
        if sequence is None:
            operation.outcome, operation.error = Outcome.FAILED, ERROR_CODE["wrong value"]
            return NOT_READ
        return sequence


class RedisUser(User):
    """A strict virtual user: it takes its turns of the open schedule, or the next operation when the last has ended."""

    shared: ClassVar[RedisUsers]

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self._number = self.shared.next_number(STRICT)
        self._ended = Event()

    def on_start(self) -> None:
        self.shared.begun.wait()
        if self.shared.schedule is not None:
            gevent.sleep(self._seconds_to_turn(self.shared.schedule))

    def wait_time(self) -> float:
        """Seconds until this user's next turn; none in a closed loop."""
        schedule = self.shared.schedule
        return 0.0 if schedule is None else self._seconds_to_turn(schedule)

    @task
    def operate(self) -> None:
        if self.shared.schedule is not None:
            self._take_turn(self.shared.schedule)
        else:
            self._ended.clear()
            self.shared.submit(time.monotonic(), self)
            self._ended.wait()

    def completed(self, operation: Operation) -> None:
        """Called by the engine when the outcome of one of this user's operations is known."""
        self.shared.record(operation)
        reply = operation.reply
        self.environment.events.request.fire(
            request_type="redis",
            name=COMMANDS[operation.kind],
            response_time=(operation.completed - operation.intended) * 1000,
            response_length=len(reply) if isinstance(reply, bytes) else 0,
            exception=_exception(operation.outcome, operation.error),
            context={},
        )
        self._ended.set()

    def _seconds_to_turn(self, schedule: OpenSchedule) -> float:
        return max(0.0, schedule.intended(self._number) - time.monotonic())

    def _take_turn(self, schedule: OpenSchedule) -> None:
        """Submits without waiting for the outcome: the schedule goes on whatever the servers do."""
        while (early := self._seconds_to_turn(schedule)) > 0:
            gevent.sleep(early)
        if schedule.is_over(self._number):
            raise StopUser
        self.shared.submit(schedule.intended(self._number), self)
        self.shared.submitted += 1
        self._number += self.shared.users


class ApplicationUser(User):
    """An ordinary application: redis-py's cluster client with its defaults, one blocking write after another."""

    shared: ClassVar[RedisUsers]
    wait_time = constant_pacing(APPLICATION_SECONDS)

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        shards = sorted(self.shared.order.shard_slots)
        number = self.shared.next_number(APPLICATION)
        self._shard = shards[number % len(shards)]
        self._key, self._name = _application_key(self.shared, self._shard, number // len(shards))
        self._sequences = itertools.count(1)
        self._client = self.shared.application[number]

    def on_start(self) -> None:
        self.shared.begun.wait()

    @task
    def write(self) -> None:
        if self.shared.concluded:
            raise StopUser
        sequence, began = next(self._sequences), time.monotonic()
        try:
            self._client.set(self._name, stored_value(sequence, self.shared.tag, self.shared.order.value_size))
        except (RedisError, RedisClusterException, OSError) as error:
            self._record(sequence, began, *_application_outcome(error))
        except gevent.GreenletExit:  # the load ends while the library is still trying
            self._record(sequence, began, Outcome.UNKNOWN, ERROR_CODE["timeout"])
            raise
        else:
            self._record(sequence, began, Outcome.OK, 0)

    def _record(self, sequence: int, began: float, outcome: Outcome, error: int) -> None:
        completed = time.monotonic()
        self.shared.recorder.add(
            intended=began,
            sent=began,
            completed=completed,
            key=self._key,
            write_sequence=sequence,
            read_sequence=NOT_READ,
            client=APPLICATION,
            trial=self.shared.trial,
            shard=self._shard,
            node=NOWHERE,  # the library does not say who answered
            kind=Kind.WRITE,
            outcome=outcome,
            error=error,
        )
        self.environment.events.request.fire(
            request_type="redis-py",
            name=COMMANDS[Kind.WRITE],
            response_time=(completed - began) * 1000,
            response_length=0,
            exception=_exception(outcome, error),
            context={},
        )


def _clients(order: LoadOrder, application_clients: int) -> tuple[Client, ...]:
    strict = STRICT_CLIENT.model_copy(
        update={"load": order.load, "settings": {**STRICT_CLIENT.settings, "timeout": f"{order.timeout:g}s"}}
    )
    application = Client(
        name="application",
        load=order.load,
        library=f"redis-py {redis.__version__}",
        application_like=True,
        settings={**REDIS_PY_DEFAULTS, "protocol": "2", "clients": str(application_clients)},
    )
    return (strict, application) if application_clients else (strict,)


def _application_client(order: LoadOrder) -> RedisCluster:
    """redis-py with its defaults; addresses that the cluster announces are mapped to those that can be reached."""
    reach = {(place.host, place.port): (place.reach_host, place.reach_port) for place in order.nodes}
    return RedisCluster(
        startup_nodes=[ClusterNode(host, port) for host, port in reach.values()],  # type: ignore[no-untyped-call]
        password=order.password,
        protocol=2,  # the default, 3, fails on servers older than Redis 6
        address_remap=lambda address: reach.get(address, address),
    )


def _max_in_flight(order: LoadOrder) -> int:
    """In a closed loop the users themselves are the limit."""
    return order.users if order.rate is None else order.max_in_flight


def _application_key(users: RedisUsers, shard: int, skip: int) -> tuple[int, str]:
    """The number and name of a key of this run's own that lives in a shard: the first, or the one after `skip`."""
    return next(itertools.islice(_application_keys(users, shard), skip, None))


def _application_keys(users: RedisUsers, shard: int) -> Iterator[tuple[int, str]]:
    for number in itertools.count():
        name = f"app:{users.order.value_tag}:{number}"
        if users.shard_of_slot[key_slot(name.encode())] == shard:
            yield number, name


def _application_outcome(error: Exception) -> tuple[Outcome, int]:
    """What a library's error means: it may have sent the write before, so only an error reply is certain."""
    if isinstance(error, redis.exceptions.TimeoutError | TimeoutError):
        return Outcome.UNKNOWN, ERROR_CODE["timeout"]
    if isinstance(error, redis.exceptions.ConnectionError | OSError):
        return Outcome.UNKNOWN, ERROR_CODE["connection lost"]
    if isinstance(error, redis.exceptions.ResponseError):
        return Outcome.FAILED, error_code(error)
    return Outcome.UNKNOWN, ERROR_CODE["other"]


def _exception(outcome: Outcome, error: int) -> OperationFailed | None:
    if outcome is Outcome.OK:
        return None
    return OperationFailed(f"{outcome.name.lower().replace('_', ' ')}: {ERROR_CLASSES[error]}")
