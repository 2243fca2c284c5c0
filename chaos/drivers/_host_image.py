"""An image of the host's own binaries: a server, its client, the libraries they load, and a small shell.

For machines that can reach no image registry. The same binaries give the same bytes.
"""

from __future__ import annotations

import hashlib
import io
import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from chaos.errors import EnvironmentLacks

BUILDABLE = ("redis", "valkey")
_PACKAGES = {"redis": "redis-server", "valkey": "valkey-server"}
_TOOLS = ("sh", "find", "rm")
"""What is needed inside a node where the host has no busybox: emptying a data folder, commands by hand."""
_FOLDERS = ("data", "etc", "tmp", "usr/bin", "bin")
_FILES = {
    "etc/passwd": "root:x:0:0:root:/:/bin/sh\n",
    "etc/group": "root:x:0:\n",
    "etc/nsswitch.conf": "hosts: files dns\n",
}
_LOOK_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class HostImage:
    """The tar of an image's root file system, the server's version, and a hash of the tar."""

    tar: bytes
    version: str
    fingerprint: str

    @classmethod
    def collect(cls, server: str) -> HostImage:
        """Packs a member of BUILDABLE from the binaries on PATH; raises EnvironmentLacks naming a missing one."""
        binaries = [_binary(f"{server}-server", server), _binary(f"{server}-cli", server)]
        links = {f"usr/bin/redis-{part}": f"{server}-{part}" for part in ("server", "cli") if server != "redis"}
        busybox = shutil.which("busybox")
        tools = [busybox] if busybox else [path for name in _TOOLS if (path := shutil.which(name))]
        if busybox:
            links |= {f"bin/{applet}": "/usr/bin/busybox" for applet in _said([busybox, "--list"]).split()}
        else:
            links["bin/sh"] = "/usr/bin/sh"
        files = {f"usr/bin/{Path(path).name}": path for path in [*binaries, *tools]}
        for library in sorted({library for binary in files.values() for library in libraries(binary)}):
            files[library.lstrip("/")] = library
        tar = _pack(files, links)
        return cls(tar, _version(binaries[0]), hashlib.sha256(tar).hexdigest())


def _binary(program: str, server: str) -> str:
    path = shutil.which(program)
    if path is None:
        raise EnvironmentLacks(
            f"no {program} on PATH to build an image from; install it (Debian: apt-get install {_PACKAGES[server]})"
        )
    return path


def _version(server: str) -> str:
    """The version a server states: `Redis server v=7.0.15 sha=…`."""
    found = re.search(r"\bv=(\S+)", _said([server, "--version"]))
    if found is None:
        raise EnvironmentLacks(f"{server} --version states no version")
    return found[1]


def libraries(binary: str) -> list[str]:
    """The shared libraries a program loads, the loader with them; none for a static one."""
    words = _said(["ldd", binary], static_is_empty=True).split()
    return [word for word in words if word.startswith("/") and not word.endswith(":")]


def _said(command: list[str], *, static_is_empty: bool = False) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_LOOK_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EnvironmentLacks(f"{' '.join(command)} does not work here: {error}") from error
    if done.returncode and not static_is_empty:  # ldd fails on a static program, which is fine
        raise EnvironmentLacks(f"{' '.join(command)} does not work here: {done.stderr.strip()}")
    return done.stdout if done.returncode == 0 else ""


def _pack(files: dict[str, str], links: dict[str, str]) -> bytes:
    """A tar with the entries sorted and no times or owners in it, so that it can be reproduced."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for folder in _folders([*files, *links, *_FILES]):
            tar.addfile(_entry(folder, tarfile.DIRTYPE, mode=0o1777 if folder in ("data", "tmp") else 0o755))
        for path, content in sorted(_contents(files)):
            tar.addfile(_entry(path, tarfile.REGTYPE, mode=0o755, size=len(content)), io.BytesIO(content))
        for path, goal in sorted(links.items()):
            if path not in files:
                tar.addfile(_entry(path, tarfile.SYMTYPE, mode=0o777, goal=goal))
    return buffer.getvalue()


def _folders(paths: Iterable[str]) -> list[str]:
    parents = {str(parent) for path in paths for parent in PurePosixPath(path).parents}
    return sorted((parents | set(_FOLDERS)) - {"."})


def _contents(files: dict[str, str]) -> list[tuple[str, bytes]]:
    binaries = [(path, Path(source).resolve().read_bytes()) for path, source in files.items()]
    return binaries + [(path, text.encode()) for path, text in _FILES.items()]


def _entry(path: str, kind: bytes, *, mode: int, size: int = 0, goal: str = "") -> tarfile.TarInfo:
    entry = tarfile.TarInfo(path)
    entry.type, entry.mode, entry.size, entry.linkname = kind, mode, size, goal
    return entry
