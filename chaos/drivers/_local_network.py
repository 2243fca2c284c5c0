"""The network of a local run: proxies before its servers, and the rules they are given."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from chaos.child import child_environment
from chaos.drivers import _local_process as processes
from chaos.drivers._local_parent import Program
from chaos.drivers._local_process import Process
from chaos.drivers._local_proxy import APPLIED, FRONTS, RULES, Front
from chaos.drivers._local_rules import BUS, CLIENT, Rule
from chaos.errors import NodeCallFailed
from chaos.model.plan import Place

PROXY = "chaos.drivers._local_proxy"
_APPLY_SECONDS = 10.0
_POLL_SECONDS = 0.001


class Proxies:
    """The proxies of one run, spoken to through files in their folder: any process may change the rules."""

    def __init__(self, folder: Path, log: Path) -> None:
        self._folder, self._log = folder, log

    def lay_out(self, places: Iterable[Place]) -> None:
        """Writes down where the proxies listen and for whom, with no rule in force."""
        fronts = [front for place in places for front in _fronts(place)]
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / FRONTS).write_text(json.dumps([asdict(front) for front in fronts]))
        self._write([], 0)

    @property
    def program(self) -> Program:
        command = (sys.executable, "-P", "-m", PROXY, str(self._folder))
        return Program("the proxies", command, self._folder, child_environment(), self._log)

    async def ready(self, process: Process) -> None:
        """Waits until they listen; raises NodeCallFailed with their last words if they end."""
        await self._applied(0, process)

    async def apply(self, rules: Iterable[Rule], process: Process) -> None:
        """Puts rules into force in place of those before; raises NodeCallFailed if that cannot be done."""
        number = int((self._folder / APPLIED).read_text()) + 1
        self._write(rules, number)
        if not processes.send(process, signal.SIGHUP, group=False):
            raise NodeCallFailed("the proxies before the nodes have ended")
        await self._applied(number, process)

    def command_by_hand(self, rules: Iterable[Rule], process: Process | None) -> str:
        """The shell command that puts these rules into force in place of all others."""
        pid = process.pid if process else "?"
        return f"echo '{_plain(rules, 0)}' > {self._folder / RULES} && kill -HUP {pid}"

    def _write(self, rules: Iterable[Rule], number: int) -> None:
        written = self._folder / f"{RULES}.new"
        written.write_text(_plain(rules, number))
        written.replace(self._folder / RULES)

    async def _applied(self, number: int, process: Process) -> None:
        until = time.monotonic() + _APPLY_SECONDS
        while not self._is_applied(number):
            if processes.state_of(process) is None:
                said = " ".join(self._log.read_text(errors="replace").split())[-400:]
                raise NodeCallFailed(f"the proxies before the nodes have ended; their last words: {said or 'none'}")
            if time.monotonic() > until:
                raise NodeCallFailed(f"the proxies before the nodes did not obey within {_APPLY_SECONDS:g} s")
            await asyncio.sleep(_POLL_SECONDS)

    def _is_applied(self, number: int) -> bool:
        try:
            return (self._folder / APPLIED).read_text() == str(number)
        except FileNotFoundError:
            return False


def _plain(rules: Iterable[Rule], number: int) -> str:
    return json.dumps({"number": number, "rules": [asdict(rule) for rule in rules]})


def _fronts(place: Place) -> Iterable[Front]:
    """One before the client port, one before the bus."""
    assert place.bus_port is not None
    assert place.server_port is not None
    offset = place.bus_port - place.port
    yield Front(place.node, CLIENT, place.port, place.server_port)
    yield Front(place.node, BUS, place.bus_port, place.server_port + offset)
