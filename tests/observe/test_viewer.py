"""The polling of views, against one node that says what it is told to, at times that are made up."""

from __future__ import annotations

import io
import json
import select
import socket
from collections.abc import Iterator

import pytest

from chaos.archive.views import from_plain
from chaos.model.view import FAILED, HEALTHY, MASTER, SUSPECTED, Member, View
from chaos.observe.arrival import ArrivalClock
from chaos.observe.link import Link
from chaos.observe.viewer import SILENT_AFTER_SECONDS, STATE_EVERY, Teller, Viewer
from chaos.wire.cluster_nodes import Names
from chaos.wire.resp import reader

ID = "a" * 40
PERIOD = 0.02
START = 100.0


class ScriptedNode:
    """Answers each question with what stands in its attributes at that moment."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.state, self.link, self.epoch = "ok", "up", 1
        self._connection: socket.socket | None = None

    def serve(self, questions: int) -> None:
        """Reads and answers this many questions."""
        if self._connection is None:
            self._connection, _ = self._listener.accept()
            self._parser = reader()
        while questions:
            if (question := self._parser.gets()) is False:
                self._parser.feed(self._connection.recv(1 << 16))
                continue
            text = self._answer(b" ".join(question).decode())
            self._connection.sendall(b"$%d\r\n%s\r\n" % (len(text), text.encode()))
            questions -= 1

    def _answer(self, question: str) -> str:
        if question == "CLUSTER INFO":
            return f"cluster_state:{self.state}\r\n"
        if question == "INFO replication":
            return f"role:slave\r\nmaster_link_status:{self.link}\r\n"
        return f"{ID} 127.0.0.1:6379@16379 myself,slave - 0 0 {self.epoch} connected\n"

    def hang_up(self) -> None:
        assert self._connection
        self._connection.close()
        self._connection = None

    def close(self) -> None:
        if self._connection:
            self._connection.close()
        self._listener.close()


class Polling:
    """A viewer of one node, and what it has written."""

    def __init__(self, node: ScriptedNode) -> None:
        self._node, self._file = node, io.StringIO()
        self.links: list[Link] = []
        names = Names({ID: "redis-1"}, {})
        self.viewer = Viewer(["redis-1"], self._open, names, self._file, lambda: None)

    def _open(self, node: int, take: object) -> Link:
        self.links.append(Link(node, "127.0.0.1", self._node.port, None, take, ArrivalClock()))  # type: ignore[arg-type]
        return self.links[-1]

    def poll(self, now: float) -> None:
        """One poll, answered at once."""
        (link,) = self.links
        link.keep(now)
        if link.connecting:
            assert link.socket
            select.select((), (link.socket,), (), 5)
            link.connected(now)
        self.viewer.tick(now, PERIOD)
        if link.up and link.pending:
            self._node.serve(len(link.pending))
            while link.pending:
                assert link.socket
                select.select((link.socket,), (), (), 5)
                link.take(link, now)

    def polls(self, count: int, start: float) -> float:
        """Several polls, one a period; returns when the next is due."""
        for number in range(count):
            self.poll(start + number * PERIOD)
        return start + count * PERIOD

    @property
    def changes(self) -> list[tuple[float, float, View]]:
        rows = [json.loads(line) for line in self._file.getvalue().splitlines()]
        return [(row["after"], row["at"], from_plain(row["view"])) for row in rows]


@pytest.fixture
def node() -> Iterator[ScriptedNode]:
    made = ScriptedNode()
    yield made
    made.close()


@pytest.fixture
def polling(node: ScriptedNode) -> Iterator[Polling]:
    made = Polling(node)
    yield made
    for link in made.links:
        link.drop(START, "")


def test_the_first_view_holds_everything(polling: Polling) -> None:
    """The first poll of a node asks for members, state and link."""
    polling.poll(START)
    ((_, at, view),) = polling.changes
    assert (at, view.state, view.link) == (START, "ok", "up")
    assert view.itself is not None


def test_what_does_not_change_is_not_written(polling: Polling) -> None:
    """However often a node is asked, an unchanged view is written once."""
    polling.polls(20, START)
    assert len(polling.changes) == 1
    assert polling.viewer.polls == 20


def test_a_change_of_members_lies_after_the_poll_before(polling: Polling, node: ScriptedNode) -> None:
    """A change of members happened between the last poll that did not show it and the one that did."""
    due = polling.polls(4, START)
    node.epoch = 2
    polling.poll(due)
    after, at, _ = polling.changes[-1]
    assert after == pytest.approx(due - PERIOD)
    assert at == due


def test_a_change_of_state_lies_after_the_last_time_it_was_asked(polling: Polling, node: ScriptedNode) -> None:
    """State and link are asked more seldom: a change of them may be as old as the last time they were asked."""
    due = polling.polls(STATE_EVERY - 1, START)
    node.state = "fail"
    polling.polls(2, due)
    after, at, view = polling.changes[-1]
    assert view.state == "fail"
    assert after == START
    assert at == pytest.approx(START + STATE_EVERY * PERIOD)


def test_a_node_that_hangs_up_is_unreachable(polling: Polling, node: ScriptedNode) -> None:
    """A node whose connection is gone is written once as unreachable, since its last answer."""
    due = polling.polls(3, START)
    node.hang_up()
    node.close()
    (link,) = polling.links
    link.drop(due, "connection lost")
    polling.viewer.tick(due, PERIOD)
    polling.viewer.tick(due + PERIOD, PERIOD)
    after, at, view = polling.changes[-1]
    assert not view.reachable
    assert after == pytest.approx(due - PERIOD)
    assert at == due
    assert len(polling.changes) == 2


def test_a_silent_node_is_unreachable_after_a_while(polling: Polling) -> None:
    """A node that does not answer a poll is unreachable when it has been silent for long enough, not before."""
    due = polling.polls(3, START)
    polling.viewer.tick(due, PERIOD)  # asked, and never answered
    polling.viewer.tick(due + SILENT_AFTER_SECONDS - 0.01, PERIOD)
    assert polling.changes[-1][2].reachable
    polling.viewer.tick(due + SILENT_AFTER_SECONDS + PERIOD, PERIOD)
    assert not polling.changes[-1][2].reachable


def test_a_node_that_returns_is_asked_for_everything(polling: Polling, node: ScriptedNode) -> None:
    """The first view after a silence holds what the node says now, not what it said before."""
    due = polling.polls(3, START)
    node.hang_up()
    polling.links[0].drop(due, "connection lost")
    polling.viewer.tick(due, PERIOD)
    node.state, node.link = "fail", "down"
    polling.poll(due + PERIOD)
    before, view = polling.changes[-2][2], polling.changes[-1][2]
    assert not before.reachable
    assert (view.reachable, view.state, view.link) == (True, "fail", "down")


class Told:
    """The events of a Teller with two shards."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, object]]] = []
        slots = {1: ((0, 8191),), 2: ((8192, 16383),)}
        self.teller = Teller(slots, lambda event, data: self.events.append((event, data)))

    def named(self, event: str) -> list[dict[str, object]]:
        return [data for name, data in self.events if name == event]


def seen_by(observer: str, owner: str, epoch: int, health: str = HEALTHY) -> View:
    """A view of shard 1 owned by one of redis-1 and redis-3; redis-1 in some health."""
    owners = {"redis-1": 1, "redis-3": 3}
    members = tuple(
        Member(node, node, node, MASTER, health if node == "redis-1" else HEALTHY, None, ((0, 8191),), epoch)
        if node == owner
        else Member(node, node, node, MASTER, health if node == "redis-1" else HEALTHY)
        for node in owners
    )
    return View(observer, members)


def test_suspicion_and_failure_are_told_once_for_each_view() -> None:
    """Each node's suspicion and each node's knowledge of the failure is one event, by whom and about whom."""
    told = Told()
    for at, health in enumerate((HEALTHY, SUSPECTED, SUSPECTED, FAILED, FAILED)):
        told.teller.tell([seen_by("redis-3", "redis-1", 1, health)], float(at), frozenset())
    assert told.named("member_suspected") == [{"node": "redis-1", "by": "redis-3", "at": 1.0}]
    assert told.named("member_failed") == [{"node": "redis-1", "by": "redis-3", "at": 3.0}]


def test_a_promotion_is_told_when_the_owner_changes() -> None:
    """The first owner is no promotion; another one with a higher epoch is, once."""
    told = Told()
    told.teller.tell([seen_by("redis-3", "redis-1", 1)], 1.0, frozenset())
    assert told.named("promoted") == []
    for at in (2.0, 3.0):
        told.teller.tell([seen_by("redis-3", "redis-3", 7)], at, frozenset())
    assert told.named("promoted") == [{"node": "redis-3", "shard": 1, "at": 2.0}]
    assert told.teller.owner(1) == "redis-3"


def test_slots_of_a_refusing_shard_are_not_served() -> None:
    """The slots served are those of the shards that take writes."""
    told = Told()
    told.teller.tell([seen_by("redis-3", "redis-1", 1)], 1.0, frozenset())
    told.teller.tell([seen_by("redis-3", "redis-1", 1)], 2.0, frozenset({1}))
    assert [data["slots_served"] for data in told.named("roles")] == [16384, 8192]
