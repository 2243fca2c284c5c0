"""The observer on a real cluster of six processes: a kill, a return, a switchover and a freeze, as it saw them.

One cluster and one watch serve all tests here: each fixture is the next chapter of one story.
"""

from __future__ import annotations

import asyncio
import math
import signal
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy
import pytest
import pytest_asyncio

from chaos import clock
from chaos.model.evidence import Rows
from chaos.model.operation import Outcome
from chaos.model.view import FAILED, MASTER, REPLICA, SUSPECTED
from chaos.observe.canary import TIMEOUT_SECONDS
from chaos.observe.observer import BEAT_SECONDS, ObserverTotals
from tests.load.redis_servers import RedisServers, ask
from tests.observe.watch import Watch, error_of

NODE_TIMEOUT_MS = 1000


@dataclass
class Chapter:
    """One part of the story: the watch, when the part began and ended, and what is remembered of it."""

    watch: Watch
    began: float = field(default_factory=time.monotonic)
    ended: float = math.inf
    facts: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._first = len(self.watch.events)

    def seen(self, event: str, **wanted: Any) -> list[dict[str, Any]]:
        """The events of a name that came since this part began."""
        return self.watch.seen(event, self._first, **wanted)

    async def event(self, event: str, **wanted: Any) -> dict[str, Any]:
        """Waits for an event in this part."""
        return await self.watch.event(event, self._first, **wanted)

    async def end(self) -> Chapter:
        """Ends the part, once all its beats are on disk."""
        self.ended = time.monotonic()
        await self.watch.rows_until(lambda rows: (rows["sent"] > self.ended).any(), "the end of a part")
        return self

    def rows(self, shard: int | None = None, node: str | None = None, outcome: Outcome | None = None) -> Rows:
        """The beats sent in this part, of one shard, to one node, with one outcome."""
        rows = self.watch.rows()
        chosen = (rows["sent"] >= self.began) & (rows["sent"] < self.ended)
        if shard is not None:
            chosen &= rows["shard"] == shard
        if node is not None:
            chosen &= rows["node"] == self.watch.number(node)
        if outcome is not None:
            chosen &= rows["outcome"] == outcome
        return rows[chosen]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("servers")


@pytest.fixture(scope="module")
def cluster(home: Path) -> Iterator[RedisServers]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "UTC")  # a server's log carries no zone
        servers = RedisServers(home, replicas=1, cluster_node_timeout=str(NODE_TIMEOUT_MS))
    yield servers
    servers.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def watch(cluster: RedisServers, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Watch]:
    watching = Watch(cluster, tmp_path_factory.mktemp("run"))
    await watching.start()
    yield watching
    await watching.observer.end()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def killed(watch: Watch) -> Chapter:
    """The master of shard 1 is killed, and its replica takes over."""
    chapter = Chapter(watch)
    watch.servers.kill("redis-1")
    chapter.facts["killed_at"] = time.monotonic()
    chapter.facts["available"] = await chapter.event("shard_available", shard=1)
    await chapter.event("promoted", shard=1)
    await watch.roles(redis_4="master", redis_1="unreachable")
    chapter.facts["wall_offset"] = clock.wall_offset_seconds()
    return await chapter.end()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def returned(killed: Chapter) -> Chapter:
    """The old master comes back as a replica, dies once more and comes back again."""
    watch = killed.watch
    chapter = Chapter(watch)
    watch.observer.watch("redis-1", watch.restart("redis-1"))
    await watch.roles(redis_1="replica", redis_4="master")
    pid = watch.servers.processes["redis-1"].pid
    watch.servers.kill("redis-1")
    chapter.facts["ended"] = await chapter.event("process_ended", node="redis-1", pid=pid)
    await watch.roles(redis_1="unreachable")
    watch.observer.watch("redis-1", watch.restart("redis-1"))
    await watch.roles(redis_1="replica")
    return await chapter.end()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def switched(returned: Chapter) -> Chapter:
    """The old master takes shard 1 over again, both sides alive, without a pause for the clients."""
    watch = returned.watch
    port = watch.servers.port("redis-1")
    async with asyncio.timeout(20):
        while b"master_link_status:up" not in ask(port, "INFO", "replication"):
            await asyncio.sleep(0.01)
    chapter = Chapter(watch)
    assert ask(port, "CLUSTER", "FAILOVER", "TAKEOVER") == b"OK"
    await chapter.event("promoted", shard=1, node="redis-1")
    await watch.rows_until(lambda rows: len(chapter.rows(1, "redis-1", Outcome.OK)), "a beat acknowledged by redis-1")
    return await chapter.end()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def frozen(switched: Chapter) -> Chapter:
    """The master of shard 2 is frozen for longer than a beat may take, and shorter than the node timeout."""
    watch = switched.watch
    chapter = Chapter(watch)
    watch.servers.signal("redis-2", signal.SIGSTOP)
    chapter.facts["frozen_at"] = time.monotonic()
    chapter.facts["silence"] = await chapter.event("silence_began", node="redis-2")
    await watch.rows_until(lambda rows: len(chapter.rows(2, "redis-2", Outcome.UNKNOWN)), "an unknown beat")
    watch.servers.signal("redis-2", signal.SIGCONT)
    chapter.facts["woken_at"] = time.monotonic()
    await chapter.event("shard_available", shard=2)
    return await chapter.end()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stopped(frozen: Chapter) -> ObserverTotals:
    """The watch is over."""
    return await frozen.watch.observer.stop()


def test_the_end_of_a_process_is_stamped_at_once(killed: Chapter) -> None:
    """The end of the killed process is stamped within 50 ms of the kill, and not before it."""
    ended = killed.watch.seen("process_ended", node="redis-1")[0]
    assert killed.began <= ended["at"] <= killed.facts["killed_at"] + 0.05
    assert ended["after"] <= killed.facts["killed_at"]


def test_the_dead_master_is_silent_from_its_last_answer(killed: Chapter) -> None:
    """Silence begins between the last answer, which came before the death was seen, and the first beat without one."""
    silence = killed.seen("silence_began", node="redis-1")[0]
    assert silence["after"] <= killed.facts["killed_at"]
    assert silence["after"] <= silence["at"]


def test_the_outage_is_told_from_refusal_to_acknowledgement(killed: Chapter) -> None:
    """Shard 1 is told unavailable since its first lost beat, and available from the promoted node's first answer."""
    unavailable = killed.seen("shard_unavailable", shard=1)[0]
    available = killed.facts["available"]
    assert killed.began <= unavailable["at"] <= killed.facts["killed_at"] + 0.05
    assert available["node"] == "redis-4"
    assert available["seconds"] == pytest.approx(available["at"] - unavailable["at"])


def test_the_outage_lasts_at_least_the_node_timeout(killed: Chapter) -> None:
    """No beat of shard 1 sent within half the node timeout after the death is acknowledged: nobody could know yet."""
    acknowledged = killed.rows(shard=1, outcome=Outcome.OK)
    after_death = acknowledged["sent"][acknowledged["sent"] > killed.facts["killed_at"]]
    assert after_death.min() > killed.facts["killed_at"] + NODE_TIMEOUT_MS / 2000


def test_serving_comes_after_the_election(killed: Chapter, home: Path) -> None:
    """The first beat that the promoted node acknowledges lies after its log says that it won."""
    log = killed.watch.log("redis-4", home, killed.facts["wall_offset"])
    won = next(event for event in log if event.kind == "election won")
    first = killed.rows(shard=1, node="redis-4", outcome=Outcome.OK)["completed"].min()
    assert first >= won.after
    assert killed.facts["available"]["at"] == pytest.approx(first, abs=1e-6)


def test_the_candidate_refuses_until_then(killed: Chapter) -> None:
    """Before it is promoted, the candidate is asked and points to the dead master or to the cluster being down."""
    refused = killed.rows(shard=1, node="redis-4", outcome=Outcome.FAILED)
    assert len(refused) > 0
    assert error_of(refused) <= {"MOVED", "CLUSTERDOWN"}


def test_other_shards_are_beaten_all_along(killed: Chapter) -> None:
    """While one master is dead, each other shard's master is sent a beat at every tick, and refuses none."""
    ticks = numpy.unique(killed.rows(shard=1)["sent"])
    for shard in (2, 3):
        rows = killed.rows(shard=shard, node=f"redis-{shard}")
        assert numpy.array_equal(rows["sent"][numpy.argsort(rows["sent"])], ticks)
        assert error_of(rows) <= {"", "timeout"}  # a time-out is the host's own stall


def test_suspicion_comes_before_failure(killed: Chapter) -> None:
    """The dead master is seen suspected, then failed, by nodes that live; the views on disk show both."""
    suspected = killed.seen("member_suspected", node="redis-1")
    failed = killed.seen("member_failed", node="redis-1")
    assert min(one["at"] for one in suspected) <= min(one["at"] for one in failed)
    changes = [change for change in killed.watch.changes() if change.at >= killed.began]
    health = {(change.view.observer, found.health) for change in changes if (found := change.view.named("redis-1"))}
    assert {health for _, health in health} >= {SUSPECTED, FAILED}
    assert "redis-1" not in {observer for observer, what in health if what == FAILED}


def test_an_unreachable_node_is_noted_and_seen_again(returned: Chapter) -> None:
    """The dead node's view is unreachable until it is back, and then it is a replica in its own eyes."""
    own = [change.view for change in returned.watch.changes() if change.view.observer == "redis-1"]
    reachable = [view.reachable for view in own]
    assert False in reachable
    assert reachable[-1]
    assert own[-1].itself is not None
    assert own[-1].itself.role == REPLICA


def test_the_new_process_of_a_node_is_watched(returned: Chapter) -> None:
    """After it is told the new process id, the observer sees that process end too."""
    ended = returned.facts["ended"]
    assert ended["node"] == "redis-1"
    assert returned.began <= ended["after"] <= ended["at"] <= returned.ended


def test_a_switchover_is_followed(switched: Chapter) -> None:
    """The old master answers MOVED when it has handed over; from then on the new one's answers are the beats."""
    assert "MOVED" in error_of(switched.rows(shard=1, node="redis-4", outcome=Outcome.FAILED))
    last = switched.rows(shard=1)[-1]
    assert (last["node"], last["outcome"]) == (switched.watch.number("redis-1"), Outcome.OK)


def test_a_frozen_master_falls_silent(frozen: Chapter) -> None:
    """The frozen node's open connection stops answering after the freeze began, and the shard is unavailable."""
    silence = frozen.facts["silence"]
    assert silence["after"] < frozen.facts["frozen_at"]
    assert frozen.seen("shard_unavailable", shard=2)


def test_no_process_ended_in_a_freeze(frozen: Chapter) -> None:
    """A frozen process is not told as ended."""
    assert frozen.watch.seen("process_ended", node="redis-2") == []


def test_late_answers_are_not_acknowledgements(frozen: Chapter, stopped: ObserverTotals) -> None:
    """What the woken master answers after the time-out stays unknown; what is acknowledged came in time."""
    rows = frozen.rows(shard=2, node="redis-2")
    acknowledged = rows[rows["outcome"] == Outcome.OK]
    assert (acknowledged["completed"] - acknowledged["sent"] <= TIMEOUT_SECONDS).all()
    late = rows[(rows["outcome"] == Outcome.UNKNOWN) & (rows["sent"] < frozen.facts["woken_at"])]
    assert len(late) > 0
    assert error_of(late) == {"timeout"}
    assert numpy.isnan(late["completed"]).all()


def test_every_beat_that_was_sent_has_a_row(frozen: Chapter, stopped: ObserverTotals) -> None:
    """The sets that a server has executed are the rows that say they were sent to it, the late ones included."""
    rows = frozen.watch.rows()
    for node in ("redis-2", "redis-3"):
        executed = numpy.isin(rows["outcome"], (Outcome.OK, Outcome.UNKNOWN))
        sent = rows[executed & (rows["node"] == frozen.watch.number(node))]
        stats = ask(frozen.watch.servers.port(node), "INFO", "commandstats").decode()
        calls = next(line for line in stats.splitlines() if line.startswith("cmdstat_set:"))
        assert int(calls.partition("calls=")[2].split(",")[0]) == len(sent)


def test_the_beats_have_a_row_for_each_tick(frozen: Chapter, stopped: ObserverTotals) -> None:
    """From the first tick to the last, each shard has a row at each; the totals count them."""
    rows = frozen.watch.rows()
    for shard in (1, 2, 3):
        ticks = numpy.unique(rows["sent"][rows["shard"] == shard])
        assert len(ticks) * 3 == stopped.beats
    steps = numpy.diff(ticks)
    assert steps.min() > 0
    assert numpy.median(steps) == pytest.approx(BEAT_SECONDS, rel=0.1)


def test_views_hold_changes_only(frozen: Chapter, stopped: ObserverTotals) -> None:
    """A node's view is written when it differs from the one before; the totals count these."""
    changes = frozen.watch.changes()
    assert len(changes) == stopped.views
    for node in (place.node for place in frozen.watch.servers.places):
        own = [change.view for change in changes if change.view.observer == node]
        assert len(own) >= 1
        assert all(before != after for before, after in pairwise(own))


def test_views_stand_in_the_order_of_time(frozen: Chapter, stopped: ObserverTotals) -> None:
    """Changes are written in order, and each was still different at its `after`, not later than `at`."""
    changes = frozen.watch.changes()
    assert all(change.after <= change.at for change in changes)
    assert [change.at for change in changes] == sorted(change.at for change in changes)


def test_promotion_shows_in_the_promoted_nodes_own_view(killed: Chapter) -> None:
    """The promoted node's own view makes it a master with the slots of its shard within the outage."""
    own = [change for change in killed.watch.changes() if change.view.observer == "redis-4"]
    became = next(
        change
        for before, change in pairwise(own)
        if before.view.itself and before.view.itself.role == REPLICA
        if change.view.itself and change.view.itself.role == MASTER
    )
    assert killed.facts["killed_at"] < became.at <= killed.ended


def test_stopping_gives_totals(stopped: ObserverTotals) -> None:
    """At the end the observer says what watching took."""
    assert stopped.polls > 0
    assert stopped.seconds > stopped.processor_seconds > 0
    assert 0 <= stopped.lateness_p99_seconds <= stopped.lateness_max_seconds


def test_stopping_is_no_failure(frozen: Chapter, stopped: ObserverTotals) -> None:
    """A watch that was stopped has ended without a failure and without a word on its standard error."""
    assert frozen.watch.failures == []
    assert frozen.watch.directory.observer_log.read_text() == ""
