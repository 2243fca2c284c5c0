"""Durability: what is lost, what is merely overwritten, and what nobody can know."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from chaos.analysis.durability import Durability, durability
from chaos.model.operation import NOT_READ, Outcome
from tests.evidence_builder import ORDINARY, STRICT, T0, Story


def judged(story: Story) -> Durability:
    trial = story.trial()
    return durability(trial.operations, trial.final_reads, (STRICT, ORDINARY))


def lost(story: Story) -> list[int]:
    found = judged(story)
    return [int(sequence) for sequence in found.operations["write_sequence"][found.lost_rows]]


def test_a_write_that_is_there_is_not_lost() -> None:
    """The final value's own write is found and checkable."""
    found = judged(Story().operation(1, write=1).final(0, 1))
    assert (found.lost, found.checkable) == (0, 1)


def test_an_acknowledged_write_to_an_absent_key_is_lost() -> None:
    """Nothing can explain an absent key whose write was acknowledged."""
    assert lost(Story().operation(1, write=1).final(0, 0)) == [1]


def test_a_key_that_went_back_lost_every_later_write() -> None:
    """When an older value is back, all writes sent after it had ended are lost."""
    story = Story().operation(1, write=1).operation(2, write=2).operation(3, write=3).final(0, 1)
    assert lost(story) == [2, 3]


def test_an_overwritten_write_is_not_lost_and_not_checkable() -> None:
    """A later value hides whether the earlier write survived: neither lost nor checkable."""
    found = judged(Story().operation(1, write=1).operation(2, write=2).final(0, 2))
    assert (found.lost, found.checkable, found.acknowledged) == (0, 1, 2)


def test_a_concurrent_write_explains_the_value() -> None:
    """A write that had not ended when another was sent may have been applied after it."""
    story = Story().operation(1, write=1, took=2.0).operation(2, write=2, took=0.5).final(0, 1)
    assert lost(story) == []


def test_an_unknown_write_explains_the_value_for_ever() -> None:
    """A timed-out write that was applied late is no loss of the writes after it."""
    story = Story().operation(1, write=1, took=0.5, outcome=Outcome.UNKNOWN, error="timeout")
    assert lost(story.operation(5, write=2).final(0, 1)) == []


def test_an_unknown_write_is_never_lost() -> None:
    """Nobody was told that it is done, so its absence is allowed."""
    found = judged(Story().operation(1, write=1, outcome=Outcome.UNKNOWN, error="timeout").final(0, 0))
    assert (found.lost, found.unknown) == (0, 1)


def test_a_failed_write_that_is_there_is_resurrected() -> None:
    """A write that failed for certain and is there at the end is counted, and explains the value."""
    story = Story().operation(1, write=1, outcome=Outcome.FAILED, error="CLUSTERDOWN").operation(2, write=2)
    found = judged(story.final(0, 1))
    assert (found.resurrected, found.lost) == (1, 0)


def test_a_failed_write_that_a_client_read_is_resurrected() -> None:
    """A failed write counts as resurrected if any client read it, though it is gone at the end."""
    story = Story().operation(1, write=1, outcome=Outcome.FAILED, error="CLUSTERDOWN")
    assert judged(story.operation(2, read=1).operation(3, write=2).final(0, 2)).resurrected == 1


def test_an_unread_key_is_neither_lost_nor_found() -> None:
    """A key that could not be read says nothing, and is counted."""
    found = judged(Story().operation(1, write=1).final(0, NOT_READ).operation(2, key=1, write=2).final(1, 2))
    assert (found.lost, found.checkable, found.keys_unread) == (0, 1, 1)


def test_writes_of_application_like_clients_are_not_in_the_tally() -> None:
    """An ordinary client repeats by itself, so what it was told proves nothing."""
    found = judged(Story().operation(1, write=1, client=1).operation(2, write=2).final(0, 2))
    assert (found.acknowledged, found.lost) == (1, 0)


def test_the_value_of_an_earlier_trial_had_ended_before() -> None:
    """A key that holds a write of an earlier trial lost all writes of this one."""
    assert lost(Story().operation(1, write=50).operation(2, key=1, write=51).final(0, 7).final(1, 51)) == [50]


def test_a_write_nobody_recorded_explains_the_value() -> None:
    """When the load was killed before it recorded a write, nothing can be said against that write."""
    story = Story().operation(1, key=1, write=1).operation(2, write=2).operation(3, key=1, write=9)
    assert lost(story.final(0, 5).final(1, 9)) == []


def test_the_lost_window_counts_from_the_fault() -> None:
    """The window is when the first and the last lost write were acknowledged."""
    story = Story().operation(9, write=1, took=0.5).operation(12, write=2, took=0.5).final(0, 0)
    assert judged(story).lost_window(T0 + 10) == (-0.5, 2.5)


def test_losses_are_counted_by_shard() -> None:
    """Each shard's lost writes stand under its number."""
    story = Story().operation(1, write=1, shard=1).operation(1, key=1, write=2, shard=3).final(0, 0).final(1, 0)
    assert judged(story).lost_by_shard() == {1: 1, 3: 1}


def test_an_example_names_key_and_write() -> None:
    """What was lost can be looked up."""
    found = judged(Story().operation(1, key=4, write=1).operation(2, key=4, write=2).final(4, 1))
    assert found.examples == ("key 4: write 2 was acknowledged, and the key holds write 1",)


@dataclass(frozen=True)
class Write:
    key: int
    sent: int
    took: int
    outcome: Outcome


writes = st.lists(
    st.builds(
        Write,
        key=st.integers(0, 2),
        sent=st.integers(0, 8),
        took=st.integers(1, 4),
        outcome=st.sampled_from([Outcome.OK, Outcome.OK, Outcome.FAILED, Outcome.UNKNOWN]),
    ),
    max_size=8,
)


def plainly_lost(history: list[Write], finals: dict[int, int]) -> set[int]:
    """The definition, word for word, one write and one explanation at a time. Sequences count from 1."""
    gone = set()
    for number, write in enumerate(history, start=1):
        final = finals[write.key]
        if write.outcome != Outcome.OK or final == number:
            continue
        explanations = [other for place, other in enumerate(history, start=1) if place == final]
        ended = [other.outcome == Outcome.OK and other.sent + other.took < write.sent for other in explanations]
        if all(ended):  # an absent key has no explanation but the time before the first write
            gone.add(number)
    return gone


@settings(max_examples=300)
@given(writes, st.data())
def test_the_vectorised_judge_agrees_with_the_definition(history: list[Write], data: st.DataObject) -> None:
    """On any history and any final reads, the fast judge finds exactly what the definition does."""
    story, finals = Story(), {}
    for number, write in enumerate(history, start=1):
        story.operation(write.sent, key=write.key, write=number, took=write.took, outcome=write.outcome)
    for key in range(3):
        own = [number for number, write in enumerate(history, start=1) if write.key == key]
        finals[key] = data.draw(st.sampled_from([0, *own]))
        story.final(key, finals[key])
    assert set(lost(story)) == plainly_lost(history, finals)


@given(writes)
def test_a_register_that_keeps_its_word_loses_nothing(history: list[Write]) -> None:
    """Applying each write somewhere between sending and ending (unknown ones: whenever) is never called a loss."""
    story, finals = Story(), dict.fromkeys(range(3), 0)
    applied = sorted(
        (write.sent + write.took / 2, number, write.key)
        for number, write in enumerate(history, start=1)
        if write.outcome in (Outcome.OK, Outcome.UNKNOWN)
    )
    for number, write in enumerate(history, start=1):
        story.operation(write.sent, key=write.key, write=number, took=write.took, outcome=write.outcome)
    for _, number, key in applied:
        finals[key] = number
    for key, number in finals.items():
        story.final(key, number)
    assert lost(story) == []
