"""What each event is called in front of people: one short sentence, or nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chaos.model.event import Event
from chaos.model.view import MASTER, natural
from chaos.telemetry.picture import Picture

Data = dict[str, Any]

PHASES = {
    "build": "building the nodes",
    "form": "forming the cluster",
    "warmup": "warming up",
    "timeline": "running the timeline",
    "settle": "awaiting convergence and redundancy",
    "final_reads": "reading every key",
    "teardown": "tearing down",
    "judge": "judging",
    "report": "writing reports",
}

NOT_SAID = frozenset(
    {
        "phase_ended",  # the next phase's start says it
        "injection_reverting",  # its end follows within the second
        "injection_recorded",
        "injection_ended",
        "load_progress",  # said by the progress line
        "trial_ended",
        "server_version",  # stands in the first line, and in the result
        "host_noise",
        "observer_stopped",
        "failover_measured",  # the summary shows it
        "data_measured",
        "expectation_judged",
    }
)
"""Events that are never worth a line."""


def sentence(event: Event, before: Picture) -> str | None:
    """What an event says to people, given what was known before it; None if it is not worth a line.

    Everything that comes from users or servers is made printable: no control character gets through.
    """
    say = _SENTENCES.get(event.event)
    text = say(event.data, before) if say else None
    return printable(text) if text else None


def printable(text: str) -> str:
    """The text on one line, with a mark in place of each character that could move a terminal's cursor."""
    return "".join(character if character.isprintable() else "�" for character in text.replace("\n", " "))


def _run_started(data: Data, before: Picture) -> str:
    why = f" ({data['driver_reason']})" if data.get("driver_reason") else ""
    metrics = f"; metrics at {data['metrics']}" if data.get("metrics") else ""
    seed = f"; seed {data['seed']}" if "seed" in data else ""
    reach = "; nodes reached through published ports" if data.get("reach") == "ports" else ""
    return f"{data['scenario']}: driver {data['driver']}{why}, {data['engine']}, {data['server']}{reach}{seed}{metrics}"


def _phase_started(data: Data, before: Picture) -> str:
    phase: str = data["phase"]
    return PHASES.get(phase, phase)


def _node_started(data: Data, before: Picture) -> str | None:
    return f"{data['node']} was started again" if before.up.get(data["node"]) is False else None


def _node_stopped(data: Data, before: Picture) -> str | None:
    return None if before.phase == "teardown" else f"{data['node']} was stopped"


def _roles(data: Data, before: Picture) -> str | None:
    roles: dict[str, str] = data["roles"]
    if not before.roles:
        masters = sorted((node for node, role in roles.items() if role == MASTER), key=natural)
        return f"masters {', '.join(masters)}; {len(roles) - len(masters)} replicas"
    changed = [
        f"{node} is {role} now" for node, role in sorted(roles.items()) if before.roles.get(node) not in (role, None)
    ]
    return "; ".join(changed) or None


def _steady(data: Data, before: Picture) -> str:
    return "steady state: every shard answers and no operation fails"


def _trial_started(data: Data, before: Picture) -> str:
    return "t = 0"


def _timeline_ended(data: Data, before: Picture) -> str:
    return "end of the timeline; everything is reverted"


def _injection_issued(data: Data, before: Picture) -> str:
    return f"{data['name']}: {data['fault']} {_list(data['nodes'])}"


def _injection_effective(data: Data, before: Picture) -> str:
    return f"{data['name']} took effect on {_list(data['nodes'])}"


def _injection_effect(data: Data, before: Picture) -> str:
    detail = f": {data['detail']}" if data.get("detail") else ""
    return f"effect of {data['name']} {data['effect']}{detail}"


def _injection_reverted(data: Data, before: Picture) -> str:
    return f"{data['name']} reverted on {_list(data['nodes'])}"


def _injection_failed(data: Data, before: Picture) -> str:
    return f"{data['name']} could not be injected into {_list(data['nodes'])}: {data['error']}"


def _undo_failed(data: Data, before: Picture) -> str:
    by_hand = data["by_hand"] if isinstance(data["by_hand"], str) else "; ".join(data["by_hand"])
    return f"UNDO FAILED: {data['name']} on {_list(data['nodes'])}: {data['error']}; by hand: {by_hand}"


def _process_ended(data: Data, before: Picture) -> str | None:
    return None if before.phase == "teardown" else f"the process of {data['node']} ended"


def _silence_began(data: Data, before: Picture) -> str | None:
    return None if before.phase == "teardown" else f"{data['node']} fell silent"


def _shard_unavailable(data: Data, before: Picture) -> str:
    return f"shard {data['shard']} is unavailable"


def _shard_available(data: Data, before: Picture) -> str:
    return f"shard {data['shard']} serves again, from {data['node']}, after {data['seconds']:.2f} s"


def _member_suspected(data: Data, before: Picture) -> str | None:
    return None if data["node"] in before.suspected else f"{data['node']} is suspected, first by {data['by']}"


def _member_failed(data: Data, before: Picture) -> str | None:
    return None if data["node"] in before.failed else f"{data['node']} is agreed to have failed, first on {data['by']}"


def _promoted(data: Data, before: Picture) -> str:
    return f"{data['node']} is promoted: master of shard {data['shard']}"


def _settled(data: Data, before: Picture) -> str:
    waited = [
        f"{name} after {data[name]:.1f} s" if data.get(name) is not None else f"not {name}"
        for name in ("converged", "redundant")
    ]
    return ", ".join(waited) + (f": {data['reason']}" if data.get("reason") else "")


def _warning(data: Data, before: Picture) -> str:
    return f"warning: {data['text']}"


def _trial_issue(data: Data, before: Picture) -> str:
    return f"inconclusive: {data['text']}"


def _run_ended(data: Data, before: Picture) -> str:
    return f"{data['verdict'].upper()}: {data['reason']}" if data.get("reason") else data["verdict"].upper()


def _list(nodes: list[str]) -> str:
    return ", ".join(sorted(nodes, key=natural))


_SENTENCES: dict[str, Callable[[Data, Picture], str | None]] = {
    say.__name__.removeprefix("_"): say
    for say in (
        _run_started,
        _phase_started,
        _node_started,
        _node_stopped,
        _roles,
        _steady,
        _trial_started,
        _timeline_ended,
        _injection_issued,
        _injection_effective,
        _injection_effect,
        _injection_reverted,
        _injection_failed,
        _undo_failed,
        _process_ended,
        _silence_began,
        _shard_unavailable,
        _shard_available,
        _member_suspected,
        _member_failed,
        _promoted,
        _settled,
        _warning,
        _trial_issue,
        _run_ended,
    )
}
SAID = frozenset(_SENTENCES)
"""The events that have a sentence."""
