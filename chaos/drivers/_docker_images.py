"""Which image runs: the one asked for, pulled by policy, or one built here that openly stands in for it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from chaos.drivers._docker_engine import NOT_FOUND, Engine, EngineRefused
from chaos.drivers._host_image import BUILDABLE, HostImage
from chaos.errors import EnvironmentLacks, NodeCallFailed, UnknownName
from chaos.model.plan import ServerIdentity

BUILT_FOR, BUILT_VERSION, BUILT_CONTENT = "chaos.image", "chaos.server_version", "chaos.content"
"""Labels of an image made here: the server it holds, that server's version, a hash of everything in it."""

_PULL_SECONDS = 1800.0
_NOT_HERE = "not pulled yet"


@dataclass(frozen=True, slots=True)
class Image:
    """What the engine says of one image."""

    id: str
    name: str
    digest: str | None
    version: str | None

    @classmethod
    def read(cls, said: Mapping[str, Any], name: str) -> Image:
        """From the engine's own JSON; the server version from our label or an official image's environment."""
        settings = said.get("Config") or {}
        labels = settings.get("Labels") or {}
        environment = dict(entry.split("=", 1) for entry in settings.get("Env") or [] if "=" in entry)
        version = labels.get(BUILT_VERSION) or environment.get("REDIS_VERSION") or environment.get("VALKEY_VERSION")
        digests = [entry.rpartition("@")[2] for entry in said.get("RepoDigests") or []]
        return cls(said["Id"], name, digests[0] if digests else None, version)

    def identity(self, asked: str, stand_in_reason: str | None = None) -> ServerIdentity:
        return ServerIdentity(
            asked=asked,
            used=self.name,
            id=self.id,
            digest=self.digest,
            version=self.version,
            stand_in_reason=stand_in_reason,
        )


async def identify(
    engine: Engine, asked: str, pull: Literal["missing", "always", "never"], *, fetch: bool
) -> ServerIdentity:
    """The image that will run for the one asked for; only with `fetch` is anything pulled.

    Raises EnvironmentLacks, with the command that mends it, if there is neither the image nor a stand-in.
    """
    present = await find(engine, asked)
    wanted = pull == "always" or (pull == "missing" and present is None)
    if wanted and not fetch:
        return present.identity(asked) if present else ServerIdentity(asked=asked, used=asked, id=_NOT_HERE)
    refusal = await _pull(engine, asked) if wanted else None
    if wanted and refusal is None:
        present = await find(engine, asked)
    if present and refusal:
        raise EnvironmentLacks(f"{refusal}; `pull: missing` takes the copy that is on this engine")
    if present:
        return present.identity(asked)
    return await _stand_in(engine, asked, refusal or f"{asked} is not on this engine and the policy is `pull: never`")


async def find(engine: Engine, name: str) -> Image | None:
    """The image of that name on the engine; None if there is none."""
    try:
        return Image.read(await _look(engine, name), name)
    except EngineRefused as refused:
        if refused.status == NOT_FOUND:
            return None
        raise


async def _look(engine: Engine, name: str) -> Mapping[str, Any]:
    def look(api: Any) -> Mapping[str, Any]:  # the SDK leaves this call untyped
        return dict(api.inspect_image(name))

    return await engine.call(f"look at the image {name}", look, reading=True)


async def build(engine: Engine, name: str) -> ServerIdentity:
    """Makes `chaos/NAME:VERSION` and `chaos/NAME:latest` from the host's binaries; unchanged ones give the same image.

    Raises UnknownName for a server that cannot be built, EnvironmentLacks for a binary that is missing.
    """
    if name not in BUILDABLE:
        raise UnknownName("image", name, BUILDABLE)
    content = await asyncio.to_thread(HostImage.collect, name)
    repository, tag = f"chaos/{name}", content.version
    image = await _built(engine, f"{BUILT_CONTENT}={content.fingerprint}") or await _import(engine, name, content)

    def put_tags(api: Any) -> None:
        for wanted in (tag, "latest"):
            api.tag(image, repository, wanted)

    await engine.call(f"tag the image {repository}", put_tags)
    found = await find(engine, f"{repository}:{tag}")
    if found is None:
        raise NodeCallFailed(f"the image {repository}:{tag} vanished while it was built")
    return found.identity(found.name)


async def _import(engine: Engine, name: str, content: HostImage) -> str:
    labels = {BUILT_FOR: name, BUILT_VERSION: content.version, BUILT_CONTENT: content.fingerprint}
    changes = [
        "WORKDIR /data",
        "ENV PATH=/usr/local/bin:/usr/bin:/bin",
        f'CMD ["{name}-server"]',
        *(f'LABEL {label}="{value}"' for label, value in labels.items()),
    ]
    await engine.call(
        f"import the image chaos/{name}",
        lambda api: api.import_image_from_data(content.tar, f"chaos/{name}", content.version, changes=changes),
        timeout_seconds=_PULL_SECONDS,
    )
    image = await _built(engine, f"{BUILT_CONTENT}={content.fingerprint}")
    if image is None:
        raise NodeCallFailed(f"the engine imported the image chaos/{name} but does not show it")
    return image


async def _built(engine: Engine, label: str) -> str | None:
    """The id of the newest image with that label."""
    images = await engine.call("list images", lambda api: api.images(filters={"label": label}), reading=True)
    newest = max(images, key=lambda image: int(image["Created"]), default=None)
    return str(newest["Id"]) if newest else None


async def _pull(engine: Engine, asked: str) -> str | None:
    """Pulls an image; returns why it cannot be had, in words, or None."""

    def pull(api: Any) -> str | None:
        from docker.utils import parse_repository_tag

        repository, tag = parse_repository_tag(asked)
        progress = api.pull(repository, tag=tag or "latest", stream=True, decode=True)
        errors = [step["error"] for step in progress if "error" in step]
        return str(errors[-1]) if errors else None

    try:
        reason = await engine.call(f"pull {asked}", pull, timeout_seconds=_PULL_SECONDS)
    except EngineRefused as refused:
        reason = refused.reason
    return reason and f"{asked} cannot be pulled: {reason.rpartition(': ')[2]}"


async def _stand_in(engine: Engine, asked: str, reason: str) -> ServerIdentity:
    """An image that was built here for the same server; raises EnvironmentLacks if there is none."""
    server = server_of(asked)
    image = await _built(engine, f"{BUILT_FOR}={server}")
    if image is None:
        command = f"; build one from this machine's own binaries: chaos image build {server}"
        raise EnvironmentLacks(reason + (command if server in BUILDABLE else ""))
    said = await _look(engine, image)
    names = sorted(tag for tag in said.get("RepoTags") or [] if not tag.endswith(":latest"))
    return Image.read(said, names[0] if names else image).identity(asked, reason)


def server_of(image: str) -> str:
    """The server an image name speaks of: `redis` of `registry:5000/library/redis:7.2-alpine`."""
    return image.partition("@")[0].rpartition("/")[2].partition(":")[0]
