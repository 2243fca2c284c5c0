"""The id of this machine is stable."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.errors import EnvironmentLacks
from chaos.host import host_id, state_folder


def test_the_machine_id_decides(tmp_path: Path) -> None:
    """The same machine id gives the same host id, another gives another, and it is not shown itself."""
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_text("0123456789abcdef0123456789abcdef\n")
    other.write_text("fedcba9876543210fedcba9876543210\n")
    assert host_id(one, tmp_path) == host_id(one, tmp_path)
    assert host_id(one, tmp_path) != host_id(other, tmp_path)
    assert host_id(one, tmp_path) not in one.read_text()


def test_without_a_machine_id_one_is_kept(tmp_path: Path) -> None:
    """Where there is no machine id, the first id drawn is given ever after."""
    state = tmp_path / "state" / "chaos"
    first = host_id(tmp_path / "none", state)
    assert len(first) == 16
    assert host_id(tmp_path / "none", state) == first
    assert [kept.name for kept in state.iterdir()] == ["host-id"]


def test_an_empty_machine_id_is_none(tmp_path: Path) -> None:
    """An empty machine id, as container images have it, does not make all machines one."""
    (tmp_path / "machine-id").write_text("\n")
    ids = {host_id(tmp_path / "machine-id", tmp_path / name) for name in ("a", "b")}
    assert len(ids) == 2


def test_no_place_to_keep_it(tmp_path: Path) -> None:
    """A state folder that cannot be made is said to be lacking."""
    (tmp_path / "file").write_text("")
    with pytest.raises(EnvironmentLacks, match="no id of this machine can be kept"):
        host_id(tmp_path / "none", tmp_path / "file" / "chaos")


def test_state_folder_by_the_xdg_rules(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """XDG_STATE_HOME moves the state folder."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert state_folder() == tmp_path / "chaos"
