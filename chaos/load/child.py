"""The load's process: reads orders, runs Locust, says what happens, and ends with its standard input.

Only `__main__.py` imports this module, after Locust.
"""

from __future__ import annotations

import gc
import logging
import os
import sys
import time
from collections.abc import Iterator

import gevent
from gevent.event import Event
from gevent.os import make_nonblocking, nb_read, nb_write
from gevent.queue import Queue
from locust.env import Environment

from chaos.errors import ChaosError
from chaos.load.engine import ConnectFailed
from chaos.load.load import Command, Failure, LoadOrder, LoadTotals, LocustCount
from chaos.load.users.user import USERS, Users
from chaos.model.operation import LoadProgress
from chaos.model.record import Record

PROGRESS_SECONDS = 0.25
BACKLOG = 40
"""Progress is skipped while so many events wait for a harness that does not read."""


def main() -> None:
    """One load from its order to its end."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    talk = Talk()
    talk.end_on_any_crash()
    talk.say("imported")
    lines = talk.lines()
    first = next(lines, None)
    if first is None:
        return
    try:
        session = Session(LoadOrder.model_validate_json(first), talk)
    except (ConnectFailed, ChaosError, OSError, ValueError) as error:
        talk.fail(str(error))
        return
    talk.say("ready")
    _obey(session, lines, talk)


def _obey(session: Session, lines: Iterator[bytes], talk: Talk) -> None:
    for line in lines:
        command = Command.model_validate_json(line)
        if command.command == "begin":
            session.begin()
        elif command.command == "trial":
            session.users.trial = command.number or 1
        else:
            totals = session.stop()
            talk.say("load_progress", totals.progress)
            talk.say("stopped", totals)
            talk.finish()
            return
    session.users.recorder.flush()  # the harness is gone: keep what is known, ask nobody


class Session:
    """Locust's environment and the users of one load."""

    def __init__(self, order: LoadOrder, talk: Talk) -> None:
        self._talk = talk
        self.users: Users = USERS.get(order.protocol)(order)
        self.users.connect(order.connect_timeout)
        self._spawned = Event()
        self._cpu_before = 0.0
        self._environment = Environment(user_classes=self.users.classes(), stop_timeout=order.timeout)
        self._environment.events.spawning_complete.add_listener(self._note_spawned)  # type: ignore[no-untyped-call]
        self._runner = self._environment.create_local_runner()

    def begin(self) -> None:
        """Spawns all users at once, then lets them start together."""
        gc.collect()
        gc.freeze()  # what lives as long as the load is not looked at again: shorter pauses
        count = sum(user.fixed_count for user in self._environment.user_classes)
        self._runner.start(count, spawn_rate=count)
        self._spawned.wait()
        self._cpu_before = time.process_time()
        self.users.begin()
        gevent.spawn(self._report)

    def stop(self) -> LoadTotals:
        """Ends traffic: the schedule, then the users, then what is in flight; closes the files."""
        users = self.users
        users.conclude()
        self._runner.stop()
        users.drain()
        users.recorder.close()
        rows = [*users.recorder.rows, 0]
        return LoadTotals(
            progress=self._progress(),
            operations=rows[0],
            application_operations=rows[1],
            redirected=users.redirected,
            keys=users.keys,
            locust={
                f"{entry.method} {entry.name}": LocustCount(requests=entry.num_requests, failures=entry.num_failures)
                for entry in self._environment.stats.entries.values()
            },
            schedule_start=users.schedule.start if users.schedule else None,
            cpu_seconds=time.process_time() - self._cpu_before,
        )

    def _note_spawned(self, user_count: int) -> None:
        self._spawned.set()

    def _report(self) -> None:
        while self._runner.state != "stopped":
            gevent.sleep(PROGRESS_SECONDS)
            if self._runner.state != "stopped":
                self.users.recorder.flush()
                self._talk.progress(self._progress())

    def _progress(self) -> LoadProgress:
        return self.users.progress.record(self.users.in_flight, self.users.users)


class Talk:
    """The two pipes to the harness. Neither ever blocks traffic."""

    def __init__(self) -> None:
        self._out = os.dup(sys.stdout.fileno())
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # a stray print must not look like an event
        make_nonblocking(self._out)
        make_nonblocking(sys.stdin.fileno())
        self._said: Queue[bytes] = Queue()
        self._idle = Event()
        self._idle.set()
        gevent.spawn(self._write)

    def say(self, event: str, record: Record | None = None) -> None:
        """Queues one event."""
        data = record.model_dump_json() if record else "{}"
        self._idle.clear()
        self._said.put(f'{{"event":"{event}","data":{data}}}\n'.encode())

    def progress(self, progress: LoadProgress) -> None:
        """Queues progress, unless the harness is far behind."""
        if self._said.qsize() < BACKLOG:
            self.say("load_progress", progress)

    def fail(self, reason: str) -> None:
        """Says why the load cannot go on."""
        self.say("failed", Failure(reason=reason))
        self.finish()

    def finish(self) -> None:
        """Returns once everything has been read by the harness, or a moment has passed."""
        self._idle.wait(timeout=2.0)

    def lines(self) -> Iterator[bytes]:
        """What the harness writes, line by line, until it closes the pipe or is gone."""
        rest = b""
        while received := nb_read(sys.stdin.fileno(), 1 << 16):
            *lines, rest = (rest + received).split(b"\n")
            yield from lines

    def end_on_any_crash(self) -> None:
        """An unexpected error in any greenlet or callback ends the load, loudly: half a load measures nothing."""
        hub = gevent.get_hub()
        print_as_usual = hub.handle_error

        def crash(context: object, kind: type[BaseException], error: BaseException, trace: object) -> None:
            print_as_usual(context, kind, error, trace)
            if not issubclass(kind, hub.NOT_ERROR):
                gevent.spawn(self._die, f"{kind.__name__}: {error}")

        hub.handle_error = crash

    def _die(self, reason: str) -> None:
        self.fail(reason)
        os._exit(1)

    def _write(self) -> None:
        while True:
            line = memoryview(self._said.get())
            while line:
                line = line[nb_write(self._out, line) :]
            if self._said.empty():
                self._idle.set()
