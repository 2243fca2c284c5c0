"""How an engine is found, and what happens when it does not answer."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from chaos.drivers import _docker_engine
from chaos.drivers._docker_engine import Address, Engine, EngineRefused
from chaos.errors import EnvironmentLacks, NodeCallFailed

SILENT_CALL = """
import asyncio
from chaos.drivers import _docker_engine
_docker_engine.CALL_SECONDS = 0.1
asyncio.run(_docker_engine.Engine.open({"DOCKER_HOST": "%s"}))
"""


@pytest.fixture
def silent(tmp_path: Path) -> Iterator[str]:
    """The address of an engine that accepts connections and never says a word."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "engine"))
        server.listen()
        yield f"unix://{tmp_path / 'engine'}"


async def test_a_missing_socket_says_what_to_do(tmp_path: Path) -> None:
    """Without an engine's socket the error is one line that names it and DOCKER_HOST."""
    with pytest.raises(EnvironmentLacks) as lacks:
        await Engine.open({"DOCKER_HOST": f"unix://{tmp_path}/none.sock"})
    assert f"{tmp_path}/none.sock does not exist" in str(lacks.value)
    assert "DOCKER_HOST" in str(lacks.value)
    assert "\n" not in str(lacks.value)


async def test_a_dead_engine_says_what_to_do(tmp_path: Path) -> None:
    """A socket that nobody listens at any more is told from a missing one."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "engine"))
    with pytest.raises(EnvironmentLacks, match="start the Docker daemon"):
        await Engine.open({"DOCKER_HOST": f"unix://{tmp_path}/engine"})


async def test_a_refusing_remote_engine_is_one_line(unused_tcp_port: int) -> None:
    """A remote engine that refuses connections is reported in one line with its address."""
    with pytest.raises(EnvironmentLacks, match=f"127.0.0.1:{unused_tcp_port}") as lacks:
        await Engine.open({"DOCKER_HOST": f"tcp://127.0.0.1:{unused_tcp_port}"})
    assert "\n" not in str(lacks.value)


async def test_a_silent_engine_is_given_up(silent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that accepts the connection and never answers is given up after the time of a call."""
    monkeypatch.setattr(_docker_engine, "CALL_SECONDS", 0.1)
    with pytest.raises(EnvironmentLacks, match="no answer"):
        await Engine.open({"DOCKER_HOST": silent})


def test_a_silent_engine_does_not_hold_up_the_exit(silent: str) -> None:
    """A process whose call to the engine never returned ends all the same."""
    done = subprocess.run(
        [sys.executable, "-c", SILENT_CALL % silent], capture_output=True, text=True, timeout=20, check=False
    )
    assert "no answer" in done.stderr


async def test_wrong_settings_are_one_line(tmp_path: Path) -> None:
    """TLS asked for with certificates that are not there is reported, not thrown at the user."""
    with pytest.raises(EnvironmentLacks, match="settings for the Docker engine"):
        await Engine.open(
            {"DOCKER_HOST": "tcp://127.0.0.1:1", "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(tmp_path)}
        )


def test_the_sdk_is_imported_late() -> None:
    """Importing the driver, as listing and validating do, does not import the Docker SDK."""
    look = "import sys, chaos.drivers.docker; print([name for name in sys.modules if name.split('.')[0] == 'docker'])"
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    ("url", "remote", "host"),
    [
        ("unix:///var/run/docker.sock", False, "127.0.0.1"),
        ("tcp://engine.test:2376", True, "engine.test"),
        ("ssh://me@engine.test", True, "engine.test"),
    ],
)
def test_published_ports_are_at_the_engines_host(url: str, remote: bool, host: str) -> None:
    """The ports of a remote engine are reached at its host, those of a local one on the loopback."""
    assert (Address(url).remote, Address(url).host) == (remote, host)


@pytest.mark.engine
class TestOpenEngine:
    """On the engine of this machine."""

    async def test_the_facts_name_the_engine(self) -> None:
        """The description has the engine's version and the API version both sides agreed on."""
        engine = await Engine.open()
        engine.close()
        assert engine.facts.description == f"Docker {engine.facts.version}, API {engine.api.api_version}"

    async def test_a_refused_call_has_the_engines_words(self) -> None:
        """What the engine refuses comes back with the call's name, the status and the engine's reason, in one line."""
        engine = await Engine.open()
        with pytest.raises(EngineRefused, match=r"^look: .*[Nn]o such container") as refused:
            await engine.call("look", lambda api: api.inspect_container("nothing-like-it"), reading=True)
        engine.close()
        assert refused.value.status == 404
        assert "\n" not in str(refused.value)

    async def test_a_call_has_a_time_limit(self) -> None:
        """A call that takes longer than its time ends in an error that says so, while others go on."""
        engine = await Engine.open()
        release = asyncio.Event()
        loop = asyncio.get_running_loop()

        def stuck(_: object) -> None:
            asyncio.run_coroutine_threadsafe(release.wait(), loop).result()

        with pytest.raises(NodeCallFailed, match=r"stuck: .*0\.05 s"):
            await engine.call("stuck", stuck, timeout_seconds=0.05)
        assert await engine.call("ping", lambda api: api.ping(), reading=True)
        release.set()
        engine.close()

    async def test_reading_is_repeated_on_a_broken_connection(self) -> None:
        """A reading call whose connection breaks once succeeds; a changing one is not repeated."""
        from requests.exceptions import ConnectionError as BrokenConnection

        engine = await Engine.open()
        calls: list[int] = []

        def breaks_once(_: object) -> str:
            calls.append(len(calls))
            if len(calls) % 2:
                raise BrokenConnection("Remote end closed connection without response")
            return "answer"

        assert await engine.call("read", breaks_once, reading=True) == "answer"
        with pytest.raises(EngineRefused, match="connection"):
            await engine.call("change", breaks_once)
        engine.close()
        assert len(calls) == 3
