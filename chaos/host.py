"""Which machine the harness runs on: a stable id that marks what it made as its own."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from pathlib import Path

from chaos.errors import EnvironmentLacks

MACHINE_ID = Path("/etc/machine-id")
ID_LENGTH = 16


def host_id(machine_id: Path = MACHINE_ID, state: Path | None = None) -> str:
    """Sixteen hexadecimal digits that stay the same on this machine and differ on every other.

    Made from the machine id where there is one (hashed, since it is meant to stay private), else a
    random one kept in the user's state folder. Raises EnvironmentLacks if it cannot be kept there.
    """
    known = _read(machine_id)
    if known:
        return hashlib.sha256(f"chaos host id {known}".encode()).hexdigest()[:ID_LENGTH]
    kept = (state or state_folder()) / "host-id"
    return _read(kept) or _keep(kept, secrets.token_hex(ID_LENGTH // 2))


def state_folder() -> Path:
    """The folder in which the harness keeps what must outlive a run, by the XDG rules."""
    root = os.environ.get("XDG_STATE_HOME")
    return (Path(root) if root else Path.home() / ".local" / "state") / "chaos"


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _keep(path: Path, made: str) -> str:
    """Writes the id unless another process was first; returns the one that stands."""
    own = path.with_name(f"{path.name}.{made}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        own.write_text(made, encoding="ascii")
        # A link appears whole or not at all, and never replaces the id that another process kept.
        with contextlib.suppress(FileExistsError):
            os.link(own, path)
        own.unlink()
    except OSError as error:
        raise EnvironmentLacks(f"no id of this machine can be kept in {path.parent}: {error.strerror}") from error
    return _read(path)
