"""What runs left on an engine, found by label, and its removal."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from chaos.drivers._docker_container import DIRECTORY, HOST, RUN
from chaos.drivers._docker_engine import CONFLICT, NOT_FOUND, Engine, EngineRefused
from chaos.drivers.driver import Remains, RunLabel
from chaos.errors import NodeCallFailed

if TYPE_CHECKING:
    from docker import APIClient

Kind = Literal["container", "network", "volume"]

_REMOVAL_SECONDS = 20.0
"""How long a removal is tried again that the engine refuses for now."""
_PAUSE_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Thing:
    """A container, network or volume that carries a run's labels."""

    kind: Kind
    id: str
    name: str
    label: RunLabel


async def find(engine: Engine, run_id: str | None = None) -> list[Thing]:
    """Everything on the engine that carries the labels of that run, or of any."""
    label = {"label": RUN if run_id is None else f"{RUN}={run_id}"}
    containers, networks, volumes = await asyncio.gather(
        engine.call("list containers", lambda api: api.containers(all=True, filters=label), reading=True),
        engine.call("list networks", lambda api: api.networks(filters=label), reading=True),
        engine.call("list volumes", lambda api: api.volumes(filters=label), reading=True),
    )
    return [
        *(_thing("container", said["Id"], (said["Names"] or [said["Id"]])[0].lstrip("/"), said) for said in containers),
        *(_thing("network", said["Id"], said["Name"], said) for said in networks),
        *(_thing("volume", said["Name"], said["Name"], said) for said in volumes["Volumes"] or []),
    ]


def _thing(kind: Kind, handle: str, name: str, said: Any) -> Thing:
    labels = said["Labels"]
    return Thing(kind, handle, name, RunLabel(labels[RUN], labels.get(HOST, ""), labels.get(DIRECTORY, "")))


def by_run(things: Iterable[Thing]) -> list[Remains]:
    """The things of each run together, in the order of their run ids."""
    runs: dict[str, list[Thing]] = {}
    for thing in sorted(things, key=lambda thing: (thing.label.run_id, thing.name)):
        runs.setdefault(thing.label.run_id, []).append(thing)
    return [
        Remains(
            label=own[0].label,
            nodes=_named(own, "container"),
            networks=_named(own, "network"),
            volumes=_named(own, "volume"),
        )
        for own in runs.values()
    ]


def _named(things: Iterable[Thing], kind: Kind) -> tuple[str, ...]:
    return tuple(thing.name for thing in things if thing.kind == kind)


async def remove(engine: Engine, things: Iterable[Thing]) -> list[str]:
    """Removes containers in any state, then networks and volumes; returns what is left, in words."""
    wanted = list(things)
    users = [thing for thing in wanted if thing.kind == "container"]
    grounds = [thing for thing in wanted if thing.kind != "container"]
    left = await asyncio.gather(*(_remove(engine, thing) for thing in users))
    left += await asyncio.gather(*(_remove(engine, thing) for thing in grounds))
    return [reason for reason in left if reason]


async def _remove(engine: Engine, thing: Thing) -> str | None:
    """Removes one thing, again while the engine says that it is in use; returns why it is left, or None."""
    clock = asyncio.get_running_loop()
    give_up = clock.time() + _REMOVAL_SECONDS
    while True:
        try:
            await engine.call(f"remove the {thing.kind} {thing.name}", _removal(thing))
            return None
        except EngineRefused as refused:
            if refused.status == NOT_FOUND:
                return None
            busy = refused.status == CONFLICT or "active endpoints" in refused.reason
            if not busy or clock.time() > give_up:
                return str(refused)
        except NodeCallFailed as failed:
            return str(failed)
        await asyncio.sleep(_PAUSE_SECONDS)


def _removal(thing: Thing) -> Callable[[APIClient], None]:
    match thing.kind:
        case "container":
            return lambda api: api.remove_container(thing.id, v=True, force=True)
        case "network":
            return lambda api: api.remove_network(thing.id)
        case "volume":
            return lambda api: api.remove_volume(thing.id)
