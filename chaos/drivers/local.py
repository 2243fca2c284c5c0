"""Local: nodes are server processes on this machine's loopback. No engine, no image, no privileges.

What holds the pieces together: a supervisor process is the parent of all servers and takes them along when the
harness ends, however it ends; a small file in the user's state folder says what a run has on this machine.
"""

from __future__ import annotations

import asyncio
import os
import platform
import shutil
import signal
import socket
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from chaos import clock
from chaos.archive.run_directory import RunDirectory
from chaos.drivers import _local_binary as binary
from chaos.drivers import _local_process as processes
from chaos.drivers import _local_registry as registry
from chaos.drivers._local_network import Proxies
from chaos.drivers._local_parent import Parent, Program
from chaos.drivers._local_ports import Ports
from chaos.drivers._local_process import Process
from chaos.drivers._local_registry import LocalRun
from chaos.drivers._local_rules import cut_off
from chaos.drivers._local_site import reserve
from chaos.drivers.driver import Driver, EngineFacts, Networking, NodeState, Remains, RunLabel
from chaos.errors import NodeCallFailed
from chaos.model.node import Node
from chaos.model.plan import NodePlan, ServerIdentity, Site
from chaos.scenario.language import ClusterSpec

START_SECONDS = 30.0
"""How long a server may take to listen on its port."""
_LOOK_SECONDS = 0.002
_LAST_WORDS = 400
"""Characters of a dead server's log that its error message shows."""
_WHOLE_GROUP = ("KILL", "STOP", "CONT")
"""Signals that hit what the server has forked too, as the end or the freezing of a container does."""


class Local(Driver, name="local"):
    """Server processes on this machine's loopback, without an engine and without root."""

    mechanisms: ClassVar[Mapping[str, str]] = {
        "kill": "signal to the server process and, if it is KILL, to what it has forked",
        "pause": "SIGSTOP to the server process and what it has forked",
        "disconnect": "the proxies before the node's ports hold everything back and take no connection",
    }

    def __init__(self, label: RunLabel) -> None:
        super().__init__(label)
        self._directory = RunDirectory(Path(label.run_directory))
        self._ports = Ports()
        self._run = LocalRun(label=label)
        self._parent = Parent(self._directory.supervisor_log)
        self._proxies = Proxies(self._directory.nodes / ".proxy", self._directory.proxy_log)
        self._proxied = False
        self._turn = asyncio.Lock()

    async def open(self) -> EngineFacts:
        return EngineFacts(f"processes on this machine ({platform.system()} {platform.release()})", platform.release())

    async def close(self) -> None:
        """Lets the servers live on if they were not taken down: they are in the registry."""
        await self._parent.let_go()
        self._ports.release()

    def prepare_for(self, capabilities: Collection[type[Any]]) -> None:
        """Proxies are put before the servers only where something will be done to the network: others pay nothing."""
        self._proxied = Networking in capabilities

    async def identify(self, spec: ClusterSpec, *, fetch: bool) -> ServerIdentity:
        return await binary.identify(spec)

    async def reserve(self, spec: ClusterSpec, nodes: Sequence[str], port: int, *, dry: bool) -> Site:
        ports = Ports() if dry else self._ports
        site = reserve(ports, spec, nodes, self._directory.nodes, proxied=self._proxied)
        if dry:
            ports.release()
        return site

    # Building, finding again, removing

    async def up(self, plans: Sequence[NodePlan], server: ServerIdentity) -> list[Node]:
        registry.write(self._run)
        await asyncio.to_thread(self._lay_out, plans, server)
        await self._parent.own(self._directory.nodes, registry.path_of(self.label.run_id))
        self._ports.make_way()
        if self._proxied:
            await self._start_proxies()
        outcomes = await asyncio.gather(*(self._spawn(plan) for plan in plans), return_exceptions=True)
        registry.write(self._run)
        for outcome in outcomes:  # only now, when no server is on its way any more
            if isinstance(outcome, BaseException):
                raise outcome
        return [outcome for outcome in outcomes if isinstance(outcome, Node)]

    def _lay_out(self, plans: Sequence[NodePlan], server: ServerIdentity) -> None:
        """Every node's folders and files, readable by nobody else: a password may be in them."""
        self._directory.logs.mkdir(parents=True, exist_ok=True)
        self._directory.nodes.mkdir(mode=0o700, exist_ok=True)
        binary.provide(server, self._programs)
        if self._proxied:
            self._proxies.lay_out(plan.place for plan in plans)
        for plan in plans:
            for folder in (plan.place.data_path, plan.place.config_path):
                Path(folder).mkdir(parents=True, exist_ok=True)
            for path, text in plan.files.items():
                Path(path).write_text(text, encoding="utf-8")

    async def _start_proxies(self) -> None:
        process = await self._parent.start(self._proxies.program)
        if process is None:
            raise NodeCallFailed(f"the proxies before the nodes ended at once; see {self._directory.proxy_log}")
        self._run = self._run.model_copy(update={"proxies": process})
        registry.write(self._run)
        await self._proxies.ready(process)

    @property
    def _programs(self) -> Path:
        """Where the server binary bears the names that nodes call it by; no node can be named so."""
        return self._directory.nodes / ".bin"

    def _environment(self, plan: NodePlan) -> dict[str, str]:
        """The harness's own, with the run's server first on PATH, and beside it what stands beside its binary."""
        beside = [str(link.readlink().parent) for link in sorted(self._programs.glob("redis-server"))]
        path = os.pathsep.join([str(self._programs), *beside, os.environ.get("PATH", os.defpath)])
        return {**os.environ, "TZ": "UTC", **plan.environment, "PATH": path}

    async def _spawn(self, plan: NodePlan) -> Node:
        """Starts a server and waits until it listens; raises NodeCallFailed with its last words if it ends."""
        log = self._directory.log(plan.name)
        said_before = log.stat().st_size if log.exists() else 0
        folder = Path(plan.place.data_path)
        process = await self._parent.start(Program(plan.name, plan.command, folder, self._environment(plan), log))
        if process is not None:
            self._run = self._run.model_copy(update={"servers": {**self._run.servers, plan.name: process}})
        if process is None or not await self._listens(plan, process):
            said = " ".join(_text(log, said_before).split())[-_LAST_WORDS:]
            raise NodeCallFailed(f"start {plan.name}: it ended at once; its last words: {said or 'none'}")
        return Node(plan, self._handle(plan), process.pid)

    async def _listens(self, plan: NodePlan, process: Process) -> bool:
        """Waits until the server listens; False if it ends first, raises NodeCallFailed if it does neither."""
        until = clock.now() + START_SECONDS
        while processes.state_of(process):
            if await _accepts(plan.place.host, plan.place.server_port or plan.place.port):
                return processes.state_of(process) is not None
            if clock.now() > until:
                raise NodeCallFailed(f"start {plan.name}: it listens on no port after {START_SECONDS:g} s")
            await asyncio.sleep(_LOOK_SECONDS)
        return False

    async def down(self) -> list[str]:
        known = registry.read(self.label.run_id)
        left = self._troubles() if known else []  # what somebody else took down did not end by itself
        every = [process for run in (known, self._run) if run for process in run.processes]
        for process in every:
            processes.send(process, signal.SIGKILL, group=True)
        gone = await asyncio.gather(*(processes.ended(process) for process in every))
        left += [f"the process {one.pid} does not end" for one, is_gone in zip(every, gone, strict=True) if not is_gone]
        await self._parent.end()
        self._ports.release()
        await asyncio.to_thread(shutil.rmtree, self._directory.nodes, ignore_errors=True)
        if self._directory.nodes.exists():
            left.append(f"the folder {self._directory.nodes} cannot be removed")
        else:
            registry.forget(self.label.run_id)
        self._run = LocalRun(label=self.label)
        return left

    def _troubles(self) -> list[str]:
        """What of ours has ended by itself, so that what was measured cannot be trusted."""
        troubles = [self._parent.trouble] if self._parent.trouble else []
        if self._run.proxies and processes.state_of(self._run.proxies) is None:
            troubles.append(f"the proxies before the nodes ended by themselves; see {self._directory.proxy_log}")
        return troubles

    async def attach(self, plans: Sequence[NodePlan]) -> list[Node]:
        known = registry.read(self.label.run_id)
        if known is None:
            return []
        self._run = known
        return [
            Node(plan, self._handle(plan), process.pid if processes.state_of(process) else None)
            for plan in plans
            if (process := known.servers.get(plan.name))
        ]

    async def remains(self) -> list[Remains]:
        return [Remains(run.label, tuple(sorted(run.servers)), networks=()) for run in registry.all_runs()]

    # What the system says of a node

    def _handle(self, plan: NodePlan) -> str:
        return str(self._directory.nodes / plan.name)

    def _process(self, node: Node) -> Process | None:
        """The node's newest process, living or not; raises NodeCallFailed if the node is another run's."""
        if node.handle != self._handle(node.plan):
            raise NodeCallFailed(f"{node.handle} is not {node.name} of this run; it is left alone")
        return self._run.servers.get(node.name)

    def _living(self, what: str, node: Node) -> Process:
        process = self._process(node)
        if process is None or processes.state_of(process) is None:
            raise NodeCallFailed(f"{what} {node.name}: it does not run")
        return process

    async def state(self, node: Node) -> NodeState:
        process = self._process(node)
        if process is None:
            return NodeState(exists=False)
        seen = processes.state_of(process)
        return NodeState(
            exists=True,
            running=seen is not None,
            paused=seen is not None and seen.stopped,
            connected=node.name not in self._run.cut_off,
            pid=process.pid if seen else None,
        )

    async def logs(self, node: Node) -> str:
        return await asyncio.to_thread(_text, self._directory.log(node.name))

    # Lifecycle

    async def kill(self, node: Node, signal: str) -> None:
        process = self._living("kill", node)
        self._signal(process, signal)
        if signal == "KILL" and not await processes.ended(process):
            raise NodeCallFailed(f"kill {node.name}: the process {process.pid} does not end")

    def _signal(self, process: Process, name: str) -> None:
        processes.send(process, signal.Signals[f"SIG{name}"], group=name in _WHOLE_GROUP)

    async def start(self, node: Node) -> Node:
        process = self._process(node)
        if process is not None and processes.state_of(process):
            return Node(node.plan, node.handle, process.pid)
        started = await self._spawn(node.plan)
        registry.write(self._run)
        return started

    async def erase_data(self, node: Node) -> None:
        process = self._process(node)
        if process is not None and processes.state_of(process):
            raise NodeCallFailed(f"erase the data of {node.name}: it still runs")
        await asyncio.to_thread(_empty, Path(node.plan.place.data_path))

    # Pausing

    async def pause(self, node: Node) -> None:
        process = self._living("pause", node)
        self._signal(process, "STOP")
        if not await processes.became(process, stopped=True):
            raise NodeCallFailed(f"pause {node.name}: the process {process.pid} does not stop")

    async def resume(self, node: Node) -> None:
        process = self._process(node)
        if process is not None:
            self._signal(process, "CONT")
            await processes.became(process, stopped=False)

    # Networking

    async def disconnect(self, node: Node) -> None:
        await self._cut({*self._run.cut_off, node.name}, node)

    async def connect(self, node: Node) -> None:
        if node.name in self._run.cut_off:
            await self._cut({*self._run.cut_off} - {node.name}, node)

    async def _cut(self, nodes: set[str], node: Node) -> None:
        """Takes exactly these nodes off their network; one at a time, for the rules are written as a whole."""
        self._process(node)
        async with self._turn:
            if self._run.proxies is None:
                raise NodeCallFailed(f"{node.name} has no proxy before it: nobody asked for Networking in time")
            await self._proxies.apply(cut_off(nodes), self._run.proxies)
            self._run = self._run.model_copy(update={"cut_off": tuple(sorted(nodes))})
            registry.write(self._run)

    # Executing

    async def execute(self, node: Node, command: Sequence[str], timeout_seconds: float = 5.0) -> tuple[int, str]:
        """Runs the command in the node's data folder; a program that is not there ends with 127, as in a shell."""
        self._process(node)
        try:
            running = await asyncio.create_subprocess_exec(
                *command,
                cwd=node.plan.place.data_path,
                env=self._environment(node.plan),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
        except OSError as error:
            return 127, f"{command[0]}: {error.strerror}\n"
        try:
            async with asyncio.timeout(timeout_seconds):
                output, _ = await running.communicate()
        except TimeoutError as error:
            raise NodeCallFailed(f"run {command[0]} in {node.name}: no answer within {timeout_seconds:g} s") from error
        finally:
            if running.returncode is None:
                running.kill()
                await running.wait()
        return running.returncode or 0, output.decode(errors="replace")

    def command_by_hand(self, action: str, node: Node) -> str:
        """The shell command for an action; `connect` mends every cut there is."""
        process = self._run.servers.get(node.name)
        group = f"-- -{process.pid}" if process else "-- ?"
        commands = {
            "start": f"cd {node.plan.place.data_path} && PATH={self._programs}:$PATH {' '.join(node.plan.command)} &",
            "kill": f"kill -KILL {group}",
            "pause": f"kill -STOP {group}",
            "resume": f"kill -CONT {group}",
            "disconnect": self._proxies.command_by_hand(cut_off([node.name]), self._run.proxies),
            "connect": self._proxies.command_by_hand([], self._run.proxies),
        }
        return commands[action]


async def _accepts(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET) as probe:
        probe.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(probe, (host, port))
        except OSError:
            return False
        return True


def _text(path: Path, start: int = 0) -> str:
    try:
        with path.open("rb") as file:
            file.seek(start)
            return file.read().decode(errors="replace")
    except FileNotFoundError:
        return ""


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
