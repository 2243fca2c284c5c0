"""One container of a run: how it is made from a node's plan, and what the engine says of it."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from chaos.drivers.driver import RunLabel
from chaos.model.plan import NodePlan

if TYPE_CHECKING:
    from docker import APIClient

RUN, NODE, HOST, DIRECTORY = "chaos.run", "chaos.node", "chaos.host", "chaos.directory"
"""The labels of everything made here. Only what carries them is ever touched."""

_EMPTYING_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Container:
    """What the engine says of one container."""

    id: str
    name: str
    image: str
    labels: Mapping[str, str]
    running: bool
    """True for a paused one too."""
    paused: bool
    pid: int | None
    """The process id on this host; None if there is no process or it cannot be seen from here."""
    networks: frozenset[str]

    @classmethod
    def read(cls, said: Mapping[str, Any]) -> Container:
        """From the engine's own JSON."""
        state = said["State"]
        return cls(
            id=said["Id"],
            name=said["Name"].lstrip("/"),
            image=said["Image"],
            labels=said["Config"]["Labels"] or {},
            running=state["Running"],
            paused=state["Paused"],
            pid=visible_pid(state["Pid"], said["Id"]),
            networks=frozenset(said["NetworkSettings"]["Networks"] or {}),
        )


class Endpoint(TypedDict):
    """A node's place on its network, in the engine's words; the same at creation and at reconnection."""

    ipv4_address: str
    aliases: list[str]


@dataclass(frozen=True, slots=True)
class Names:
    """What things of one run are called, and the labels they carry."""

    label: RunLabel

    @property
    def network(self) -> str:
        return f"chaos-{self.label.run_id}"

    def container(self, node: str) -> str:
        return f"{self.network}-{node}"

    def volume(self, node: str) -> str:
        return f"{self.network}-{node}-data"

    def labels(self, node: str | None = None) -> dict[str, str]:
        labels = {RUN: self.label.run_id, HOST: self.label.host_id, DIRECTORY: self.label.run_directory}
        return labels | ({NODE: node} if node else {})


def create(api: APIClient, names: Names, plan: NodePlan, image: str, published: int | None, interface: str) -> str:
    """Creates the container of a node with its files in place, not started; returns its id.

    The data folder is a volume of our own: it carries our labels, can be emptied while the node
    is dead, and replaces the unlabelled one that an image may ask for.
    """
    from docker.types import LogConfig, Mount

    labels, port = names.labels(plan.name), plan.place.port
    attachment: Any = {names.network: api.create_endpoint_config(**endpoint(plan))}  # typed too narrowly by the SDK
    created = api.create_container(
        image,
        list(plan.command),
        name=names.container(plan.name),
        hostname=plan.name,
        labels=labels,
        environment={"TZ": "UTC", **plan.environment},
        ports=[port] if published else None,
        healthcheck={"test": ["NONE"]},  # an image's own would take processor time from what is measured
        host_config=api.create_host_config(
            network_mode=names.network,
            mounts=[Mount(plan.place.data_path, names.volume(plan.name), type="volume", labels=labels)],
            port_bindings={port: (interface, published)} if published else None,
            log_config=LogConfig(type="json-file"),  # an engine's default may be one whose logs cannot be read back
        ),
        networking_config=api.create_networking_config(attachment),
    )
    container = str(created["Id"])
    if plan.files:
        api.put_archive(container, "/", _tar(plan.files))
    return container


def empty_volume(api: APIClient, names: Names, plan: NodePlan, image: str) -> int:
    """Empties the data folder of a dead node by a short-lived container of its image; returns that one's exit code."""
    from docker.types import Mount

    data = Mount(plan.place.data_path, names.volume(plan.name), type="volume", no_copy=True)
    helper = api.create_container(
        image,
        ["-mindepth", "1", "-maxdepth", "1", "-exec", "rm", "-rf", "{}", "+"],
        entrypoint=["find", plan.place.data_path],
        user="0",
        labels=names.labels(),
        host_config=api.create_host_config(network_mode="none", mounts=[data]),
    )
    try:
        api.start(helper)
        return int(api.wait(helper, timeout=_EMPTYING_SECONDS)["StatusCode"])
    finally:
        api.remove_container(helper, force=True)


def endpoint(plan: NodePlan) -> Endpoint:
    return Endpoint(ipv4_address=plan.place.host, aliases=[plan.name, *plan.aliases])


def _tar(files: Mapping[str, str]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path, text in files.items():
            content = text.encode()
            entry = tarfile.TarInfo(path.lstrip("/"))
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def visible_pid(pid: int, container: str) -> int | None:
    """The engine's process id if the process of that container really has it on this host."""
    for source in ("cgroup", "mountinfo"):  # a private cgroup namespace may hide the first
        try:
            if pid and container in Path(f"/proc/{pid}/{source}").read_text():
                return pid
        except OSError:
            return None
    return None
