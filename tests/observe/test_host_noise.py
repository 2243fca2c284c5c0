"""Host noise is a set of shares, and says nothing where the system tells nothing."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from chaos.observe.host import HostNoise


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    (tmp_path / "pressure").mkdir()
    write(tmp_path, stalled=1_000_000, steal=100, idle=1000)
    return tmp_path


def write(proc: Path, *, stalled: int, steal: int, idle: int) -> None:
    line = f"avg10=1.00 avg60=0.00 avg300=0.00 total={stalled}"
    (proc / "pressure" / "cpu").write_text(f"some {line}\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n")
    (proc / "stat").write_text(f"cpu  0 0 0 {idle} 0 0 0 {steal} 77 77\ncpu0 0 0 0 0 0 0 0 0 0 0\n")


def test_shares_of_the_interval(proc: Path) -> None:
    """Pressure is a share of the time, steal a share of all processor time, both since the start."""
    seconds = itertools.count(0.0, 10.0)
    noise = HostNoise(proc, now=lambda: next(seconds))
    write(proc, stalled=3_500_000, steal=300, idle=1800)
    figures = noise.read()
    assert figures["cpu_pressure_share"] == 0.25
    assert figures["steal_share"] == 0.2


def test_start_begins_anew(proc: Path) -> None:
    """What was before `start` does not count."""
    noise = HostNoise(proc)
    write(proc, stalled=9_000_000, steal=300, idle=1800)
    noise.start()
    assert noise.read()["cpu_pressure_share"] == 0.0


def test_a_system_without_proc(tmp_path: Path) -> None:
    """Where there is no /proc, the figures that need it are left out."""
    figures = HostNoise(tmp_path).read()
    assert "cpu_pressure_share" not in figures
    assert "steal_share" not in figures
    assert figures["cpu_count"] >= 1


def test_this_host() -> None:
    """On the real host every figure is a number, and shares lie between 0 and 1."""
    figures = HostNoise().read()
    shares = [value for name, value in figures.items() if name.endswith("_share")]
    assert all(0.0 <= share <= 1.0 for share in shares)
    assert figures["load_1m"] >= 0.0
