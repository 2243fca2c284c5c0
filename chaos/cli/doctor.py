"""`chaos doctor`: what this machine has and lacks for a run, and how to mend it."""

from __future__ import annotations

import asyncio
import math
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

import click

from chaos.cli import options
from chaos.errors import ChaosError, EnvironmentLacks

if TYPE_CHECKING:
    from chaos.drivers.driver import Driver

LEAST_PYTHON = (3, 11)
LEAST_DISK_BYTES = 1 << 30
"""A long run at a high rate writes some hundred megabytes of raw operations."""
LEAST_OPEN_FILES = 1024
NEIGHBOUR_LIMIT = Path("/proc/sys/net/ipv4/neigh/default/gc_thresh3")
USUAL_NODES = 6


class State(Enum):
    """What a finding means for a run."""

    OK = "ok"
    MISSING = "missing"
    NOTE = "note"
    """Runs are possible; something is worth knowing."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at."""

    what: str
    state: State
    detail: str
    mend: str = ""

    @property
    def line(self) -> str:
        mend = f"; {self.mend}" if self.mend else ""
        return f"{self.state.value:<8} {self.what}: {self.detail}{mend}"


@click.command("doctor", epilog="\b\nExample:\n  chaos doctor")
@options.reports
@click.pass_context
def command(context: click.Context, reports: Path) -> None:
    """Say what this machine lacks, and how to mend it.

    Starts nothing and pulls nothing. Ends with 3 if a run is not possible here.
    """
    findings = [*_machine(reports), *asyncio.run(_grounds())]
    for finding in findings:
        click.echo(finding.line)
    if any(finding.state is State.MISSING for finding in findings):
        context.exit(EnvironmentLacks.exit_code)


def _machine(reports: Path) -> Iterator[Finding]:
    yield python_version(sys.version_info[:2])
    yield free_disk(reports)
    yield open_files()
    if NEIGHBOUR_LIMIT.exists():
        yield neighbour_table(int(NEIGHBOUR_LIMIT.read_text()))


async def _grounds() -> list[Finding]:
    """What nodes can live on: an engine or local processes. One of the two is enough."""
    binary, engine = await _server_binary(), await _engine()
    if engine[0].state is not State.OK and binary.state is State.OK:
        engine[0] = replace(engine[0], state=State.NOTE, mend="runs take local processes")
    elif engine[0].state is State.OK and binary.state is not State.OK:
        binary = replace(binary, state=State.NOTE)
    return [binary, *engine, *await _remains()]


async def _server_binary() -> Finding:
    """The server that local processes run, and that `chaos image build` packs."""
    from chaos.cli.leftovers import opened
    from chaos.scenario.language import ClusterSpec

    async with opened("local", options.no_run()) as (driver, _):
        try:
            identity = await driver.identify(ClusterSpec(), fetch=False)
        except EnvironmentLacks as error:
            return Finding("server binary", State.MISSING, str(error))
    return Finding("server binary", State.OK, f"{identity.used}, version {identity.version}")


async def _engine() -> list[Finding]:
    """What the Docker engine says; nothing further where none answers."""
    from chaos.cli.leftovers import opened

    try:
        async with opened("docker", options.no_run()) as (driver, engine):
            return [
                Finding("Docker engine", State.OK, engine.description),
                await _image(driver),
                await _ground(driver),
            ]
    except ChaosError as error:
        return [Finding("Docker engine", State.MISSING, str(error))]


async def _image(driver: Driver) -> Finding:
    """Whether the default image, or one that may stand in for it, is there; asks no registry."""
    from chaos.scenario.language import ClusterSpec

    spec = ClusterSpec(pull="never")
    try:
        identity = await driver.identify(spec, fetch=False)
    except EnvironmentLacks:
        mend = "a run pulls it; without a registry: chaos image build redis"
        return Finding("server image", State.NOTE, f"{spec.image} is not on this engine", mend)
    return Finding("server image", State.OK, identity.sentence)


async def _ground(driver: Driver) -> Finding:
    """Whether a network could be made, and how its nodes would be reached."""
    from chaos.scenario.language import ClusterSpec

    nodes = [f"redis-{number}" for number in range(1, USUAL_NODES + 1)]
    try:
        site = await driver.reserve(ClusterSpec(), nodes, port=6379, dry=True)
    except EnvironmentLacks as error:
        return Finding("node network", State.MISSING, str(error))
    subnet = f"{site.network.subnet} is free; " if site.network else ""
    reason = f" ({site.reach_reason})" if site.reach_reason else ""
    return Finding("node network", State.OK, f"{subnet}nodes are reached by {site.reach}{reason}")


async def _remains() -> Iterator[Finding]:
    from chaos.cli.leftovers import Owner, find_leftovers

    found, _ = await find_leftovers()
    dead = [leftover.sentence for leftover in found if leftover.owner is Owner.DEAD]
    if not dead:
        return iter([Finding("dead runs", State.OK, "nothing is left of any")])
    return (Finding("dead run", State.NOTE, sentence, "remove it: chaos clean") for sentence in dead)


def python_version(version: tuple[int, ...]) -> Finding:
    """Whether this Python is new enough."""
    words, least = (".".join(map(str, numbers)) for numbers in (version, LEAST_PYTHON))
    if version >= LEAST_PYTHON:
        return Finding("Python", State.OK, words)
    return Finding("Python", State.MISSING, words, f"install Python {least} or newer")


def free_disk(reports: Path) -> Finding:
    """Whether run directories have room, on the disk that `reports` is or will be on."""
    folder = next(parent for parent in (reports.absolute(), *reports.absolute().parents) if parent.exists())
    free = shutil.disk_usage(folder).free
    detail = f"{free / (1 << 30):.1f} GiB free for run directories in {reports}"
    if free >= LEAST_DISK_BYTES:
        return Finding("disk", State.OK, detail)
    return Finding("disk", State.MISSING, detail, "choose another folder with --reports")


def open_files() -> Finding:
    """Whether this process may open enough connections and files."""
    import resource

    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit == resource.RLIM_INFINITY:
        return Finding("open files", State.OK, "no limit")
    if limit >= LEAST_OPEN_FILES:
        return Finding("open files", State.OK, f"up to {limit}")
    return Finding("open files", State.MISSING, f"only up to {limit}", f"raise the limit: ulimit -n {LEAST_OPEN_FILES}")


def neighbour_table(limit: int) -> Finding:
    """How many nodes the kernel's neighbour table holds: n nodes that all talk need n * n entries."""
    nodes = math.isqrt(limit)
    detail = f"{limit} entries: clusters of up to {nodes} nodes"
    if nodes >= USUAL_NODES:
        return Finding("neighbour table", State.OK, detail)
    mend = "raise it: sysctl -w net.ipv4.neigh.default.gc_thresh3=4096"
    return Finding("neighbour table", State.MISSING, detail, mend)
