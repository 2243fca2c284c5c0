"""Build: six nodes ready, by the harness and by the usual way, in turn, on the same ground: an engine, then processes.

Ready means the same for both: every node says `cluster_state:ok` and every replica's link is up.
The usual way is docker-compose where it is installed, else one `docker run` after another, or servers started from a
shell, and then `redis-cli --cluster create`.
"""

from __future__ import annotations

import asyncio
import secrets
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from tabulate import tabulate

from chaos.cli.catalogue import build_catalogue
from chaos.cluster import Cluster
from chaos.drivers._local_ports import HOST, Ports
from chaos.drivers.driver import RunLabel
from chaos.host import host_id
from chaos.runner.draft import draft_plan, new_run_id
from chaos.runner.parts import make_system, open_ground
from chaos.scenario.language import Scenario
from chaos.scenario.reader import read_scenario

ROUNDS = 5
SUBNET = "198.18.250.0/24"
ADDRESSES = [f"198.18.250.{number}" for number in range(11, 17)]
SCENARIO = Path(__file__).parents[2] / "scenarios" / "master-kill.yml"


def main() -> None:
    usual = "docker-compose" if shutil.which("docker-compose") else "docker run, one by one,"
    _compare("docker", "containers", usual, build_theirs)
    print()
    _compare("local", "processes", "redis-server, six times,", build_theirs_of_processes)


def _compare(driver: str, what: str, usual: str, theirs_once: Callable[[], float]) -> None:
    print(f"build: six {what} ready (all ok, replicas linked), {ROUNDS} rounds in turn")
    ours, theirs = [], []
    for _ in range(ROUNDS):
        ours.append(asyncio.run(build_ours(read_scenario(SCENARIO, build_catalogue()), driver)))
        theirs.append(theirs_once())
    rows = [
        ("chaos", *_figures(ours)),
        (f"{usual} + redis-cli --cluster create", *_figures(theirs)),
    ]
    print(tabulate(rows, headers=["way", "median s", "min s", "max s"], floatfmt=".2f"))
    print(f"ratio of the medians: {statistics.median(theirs) / statistics.median(ours):.1f}")


async def build_ours(scenario: Scenario, driver: str = "docker") -> float:
    """Seconds from nothing to a formed and verified cluster, as a run builds it; removed afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        return await _build_ours(scenario, driver, RunLabel(new_run_id("bench-build"), host_id(), folder))


async def _build_ours(scenario: Scenario, driver: str, label: RunLabel) -> float:
    ground, system = await open_ground(driver, label), make_system(scenario)
    try:
        server = await ground.driver.identify(scenario.cluster, fetch=True)
        began = time.monotonic()
        plan = await draft_plan(scenario, ground, system, server, run_id=label.run_id, seed=1, dry=False)
        nodes = await ground.driver.up(plan.nodes, server)
        await system.form(Cluster(ground.driver, system, plan, nodes, None), 60.0)
        return time.monotonic() - began
    finally:
        await ground.driver.down()
        await system.close()
        await ground.driver.close()


def build_theirs() -> float:
    """The same by hand: network, containers, create, wait; removed afterwards."""
    name = f"bench-{secrets.token_hex(3)}"
    began = time.monotonic()
    try:
        if shutil.which("docker-compose"):
            _compose(name, "up", "-d")
        else:
            _docker("network", "create", "--subnet", SUBNET, name)
            for number, address in enumerate(ADDRESSES, start=1):
                _docker("run", "-d", "--name", f"{name}-{number}", "--network", name, "--ip", address, *_SERVER)
        _wait(lambda: all("PONG" in _ask(address, "ping") for address in ADDRESSES))
        members = [f"{address}:6379" for address in ADDRESSES]
        create = ["redis-cli", "--cluster", "create", *members, "--cluster-replicas", "1", "--cluster-yes"]
        subprocess.run(create, check=True, capture_output=True)
        _wait(lambda: all(_ready(address) for address in ADDRESSES))
        return time.monotonic() - began
    finally:
        if shutil.which("docker-compose"):
            _compose(name, "down", "-v")
        else:
            for number in range(1, 7):
                _docker("rm", "-f", "-v", f"{name}-{number}")
            _docker("network", "rm", name)


def build_theirs_of_processes() -> float:
    """The same with plain server processes; removed afterwards."""
    held = Ports()
    members = [(HOST, port) for port in held.take(len(ADDRESSES))]
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as running:
        for host, port in members:
            data = Path(folder, str(port))
            data.mkdir()
            place = ["--bind", host, "--port", str(port), "--dir", str(data)]
            server = subprocess.Popen([*_COMMAND.split(), *place], stdout=subprocess.DEVNULL)
            running.callback(server.wait)
            running.callback(server.kill)
        _wait(lambda: all("PONG" in _ask(host, "-p", str(port), "ping") for host, port in members))
        create = ["redis-cli", "--cluster", "create", *(f"{host}:{port}" for host, port in members)]
        subprocess.run([*create, "--cluster-replicas", "1", "--cluster-yes"], check=True, capture_output=True)
        _wait(lambda: all(_ready(host, port) for host, port in members))
        seconds = time.monotonic() - began
    held.release()
    return seconds


_COMMAND = "redis-server --cluster-enabled yes --cluster-node-timeout 5000 --appendonly yes --protected-mode no"
_SERVER = ["chaos/redis:latest", *_COMMAND.split()]


def _compose(name: str, *words: str) -> None:
    services = "".join(
        f"  redis-{number}:\n    image: chaos/redis:latest\n    command: {_COMMAND}\n"
        f"    networks: {{cluster: {{ipv4_address: {address}}}}}\n"
        for number, address in enumerate(ADDRESSES, start=1)
    )
    network = f"networks:\n  cluster:\n    ipam: {{config: [{{subnet: {SUBNET}}}]}}\n"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "compose.yml"
        file.write_text(f'version: "3.8"\nservices:\n{services}{network}')
        command = ["docker-compose", "-p", name, "-f", str(file), *words]
        subprocess.run(command, check=True, capture_output=True)


def _docker(*words: str) -> None:
    subprocess.run(["docker", *words], check=True, capture_output=True)


def _ask(address: str, *words: str) -> str:
    asked = subprocess.run(["redis-cli", "-h", address, *words], capture_output=True, text=True, check=False)
    return asked.stdout


def _ready(address: str, port: int = 6379) -> bool:
    replication = _ask(address, "-p", str(port), "info", "replication")
    linked = "role:master" in replication or "master_link_status:up" in replication
    return linked and "cluster_state:ok" in _ask(address, "-p", str(port), "cluster", "info")


def _wait(done: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            raise TimeoutError("the usual way did not become ready")
        time.sleep(0.01)


def _figures(seconds: list[float]) -> tuple[float, float, float]:
    return statistics.median(seconds), min(seconds), max(seconds)
