"""The fault timeline."""

from __future__ import annotations

from collections.abc import Callable

from chaos.scenario.language import Scenario
from chaos.scenario.timeline import draw_timeline


def test_injections_come_in_order_of_time(read: Callable[..., Scenario]) -> None:
    """Whatever their order in the file, injections are planned by their instants."""
    scenario = read(
        """
        cluster: {}
        faults:
          - {name: late, at: 20s, for: 5s, pause: any master}
          - {name: early, at: 5s, for: 5s, kill: any master}
        """
    )
    assert [(i.name, i.at, i.until) for i in draw_timeline(scenario, 1)] == [("early", 5.0, 10.0), ("late", 20.0, 25.0)]


def test_a_fault_that_outlasts_the_trial_is_cut_and_says_so(read: Callable[..., Scenario]) -> None:
    """`for` past the end of `duration` ends with it, and the plan's note says by how much it was cut."""
    scenario = read("{cluster: {}, duration: 30s, faults: [{at: 20s, for: 15s, kill: any master}]}")
    [injection] = draw_timeline(scenario, 1)
    assert injection.until == 30.0
    assert injection.note == "cut from 15s to 10s by the end of the trial"


def test_a_fault_without_an_end_is_healed_at_the_end(read: Callable[..., Scenario]) -> None:
    """Without `for`, a fault lasts to the end of `duration`."""
    scenario = read("{cluster: {}, duration: 30s, faults: [{at: 20s, kill: any master}]}")
    [injection] = draw_timeline(scenario, 1)
    assert (injection.until, injection.note) == (30.0, "healed at the end of the trial")


def test_the_plan_carries_target_and_options(read: Callable[..., Scenario]) -> None:
    """An injection names its fault, its target in words and its options with their defaults."""
    scenario = read("{cluster: {}, faults: [{at: 1s, kill: {target: primary of shard 2, disk: emptied}}]}")
    [injection] = draw_timeline(scenario, 1)
    assert (injection.fault, injection.target) == ("kill", "master of shard 2")
    assert injection.options == {"signal": "KILL", "disk": "emptied", "grace": 0.0}
