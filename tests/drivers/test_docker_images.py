"""Which image runs, and images made of the host's own binaries."""

from __future__ import annotations

import io
import tarfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from chaos.drivers import _docker_images as images
from chaos.drivers._docker_engine import Engine
from chaos.drivers._docker_images import Image, server_of
from chaos.drivers._host_image import HostImage
from chaos.errors import EnvironmentLacks, UnknownName

ABSENT = "127.0.0.1:9/redis:no-such-version"
"""An image of Redis in a registry that refuses connections."""

engine_needed = pytest.mark.engine


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    opened = await Engine.open()
    yield opened
    opened.close()


@pytest.mark.parametrize(
    "name", ["redis", "redis:7.2-alpine", "registry:5000/library/redis:7", "bitnami/redis@sha256:0123"]
)
def test_the_server_is_read_from_the_image_name(name: str) -> None:
    """Registry, folder, tag and digest do not matter for which server an image name speaks of."""
    assert server_of(name) == "redis"


@pytest.mark.parametrize(
    ("config", "version"),
    [
        ({"Env": ["PATH=/bin", "REDIS_VERSION=7.2.4"]}, "7.2.4"),
        ({"Env": ["VALKEY_VERSION=8.0.1"]}, "8.0.1"),
        ({"Labels": {"chaos.server_version": "7.0.15"}, "Env": None}, "7.0.15"),
        ({"Env": ["PATH=/bin"]}, None),
    ],
)
def test_the_server_version_is_read_from_the_image(config: dict[str, object], version: str | None) -> None:
    """Official images state the version in their environment, ours in a label, others not at all."""
    assert Image.read({"Id": "sha256:1", "Config": config}, "redis").version == version


def test_the_digest_is_the_registrys() -> None:
    """The digest is what the registry calls the image; an image made here has none."""
    pulled = {"Id": "sha256:1", "RepoDigests": ["redis@sha256:abc"]}
    assert Image.read(pulled, "redis").digest == "sha256:abc"
    assert Image.read({"Id": "sha256:1"}, "redis").digest is None


@engine_needed
async def test_a_built_image_is_what_it_says(engine: Engine) -> None:
    """A built image carries its server and version, and can be asked for by name."""
    built = await images.build(engine, "redis")
    assert built.used == f"chaos/redis:{built.version}"
    found = await images.identify(engine, "chaos/redis:latest", "never", fetch=True)
    assert (found.id, found.version, found.stand_in_reason) == (built.id, built.version, None)


@engine_needed
async def test_the_same_binaries_give_the_same_image(engine: Engine) -> None:
    """Building again changes nothing while the binaries are the same."""
    assert await images.build(engine, "redis") == await images.build(engine, "redis")


@engine_needed
async def test_a_built_image_stands_in_openly(engine: Engine) -> None:
    """For an image that cannot be pulled one built for the same server is used, and the reason says why."""
    built = await images.build(engine, "redis")
    used = await images.identify(engine, ABSENT, "missing", fetch=True)
    assert (used.asked, used.used, used.id) == (ABSENT, built.used, built.id)
    assert used.stand_in_reason == f"{ABSENT} cannot be pulled: connection refused"


@engine_needed
async def test_without_a_stand_in_the_error_names_the_cause(engine: Engine) -> None:
    """An image of another server has no stand-in: the error says what cannot be pulled and why."""
    with pytest.raises(EnvironmentLacks, match=r"127\.0\.0\.1:9/memcached cannot be pulled: connection refused"):
        await images.identify(engine, "127.0.0.1:9/memcached", "missing", fetch=True)


@engine_needed
async def test_an_image_that_can_be_built_says_how(engine: Engine) -> None:
    """Without any built image of the server the error names the command that builds one."""
    with pytest.raises(EnvironmentLacks, match="chaos image build valkey"):
        await images.identify(engine, "127.0.0.1:9/valkey:no-such-version", "missing", fetch=True)


@engine_needed
async def test_never_is_never(engine: Engine) -> None:
    """With `pull: never` no registry is asked, and the reason of the stand-in says so."""
    await images.build(engine, "redis")
    used = await images.identify(engine, ABSENT, "never", fetch=True)
    assert used.stand_in_reason == f"{ABSENT} is not on this engine and the policy is `pull: never`"


@engine_needed
async def test_always_does_not_take_an_old_copy(engine: Engine) -> None:
    """With `pull: always` an image that is here but cannot be pulled is refused, with the policy that takes it."""
    built = await images.build(engine, "redis")
    repository, tag = ABSENT.rsplit(":", 1)
    await engine.call("tag", lambda api: api.tag(built.id, repository, f"{tag}-old"))
    try:
        with pytest.raises(EnvironmentLacks, match="pull: missing"):
            await images.identify(engine, f"{ABSENT}-old", "always", fetch=True)
    finally:
        await engine.call("untag", lambda api: api.remove_image(f"{ABSENT}-old"))


@engine_needed
async def test_a_plan_pulls_nothing(engine: Engine) -> None:
    """Without `fetch` an image that is not here is named as what would be pulled."""
    used = await images.identify(engine, ABSENT, "missing", fetch=False)
    assert used.sentence == f"{ABSENT} (not pulled yet)"


@engine_needed
async def test_only_known_servers_are_built(engine: Engine) -> None:
    """A server that cannot be built is answered with the nearest that can."""
    with pytest.raises(UnknownName, match="redis"):
        await images.build(engine, "reddis")


def test_a_missing_binary_names_its_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without the server on PATH the error names it and the package that brings it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EnvironmentLacks, match=r"redis-server .*apt-get install redis-server"):
        HostImage.collect("redis")


def test_the_tar_is_reproducible() -> None:
    """Collected twice, the tar is the same to the byte, and nothing in it has a time or an owner."""
    first, second = HostImage.collect("redis"), HostImage.collect("redis")
    assert first == second
    with tarfile.open(fileobj=io.BytesIO(first.tar)) as tar:
        assert {(entry.mtime, entry.uid, entry.gid) for entry in tar} == {(0, 0, 0)}


def test_the_tar_holds_what_a_node_needs() -> None:
    """Server, client, shell, the tools that empty a data folder, and the data folder itself are in the tar."""
    with tarfile.open(fileobj=io.BytesIO(HostImage.collect("redis").tar)) as tar:
        names = {Path(entry.name).name for entry in tar}
    assert {"redis-server", "redis-cli", "sh", "find", "rm", "data"} <= names
