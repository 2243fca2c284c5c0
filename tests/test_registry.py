"""Families: members are found in their folder by name, imported one at a time, and never twice the same."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from chaos.errors import UnknownName
from chaos.registry import Family

TOOL = """
from toolbox.tool import TOOLS

class Member:
    pass

TOOLS.register({name!r}, Member)
"""
SEAM = """
from chaos.registry import Family
TOOLS = Family("tool", "toolbox", not_members=("drawer",), joint={joint!r})
"""


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Family[object]]:
    """A family in a folder: its seam, a helper, a private file and the members `hand-saw` and `hammer`."""
    yield from _family(tmp_path, monkeypatch, joint="-")


@pytest.fixture
def underscored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Family[object]]:
    """The same family, with names joined by underscores."""
    yield from _family(tmp_path, monkeypatch, joint="_")


def _family(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, joint: str) -> Iterator[Family[object]]:
    folder = tmp_path / "toolbox"
    folder.mkdir()
    files = {
        "__init__": "",
        "tool": SEAM.format(joint=joint),
        "drawer": "raise AssertionError('no member')",
        "_rust": "raise AssertionError('private')",
        "hand_saw": TOOL.format(name=f"hand{joint}saw"),
        "hammer": TOOL.format(name="hammer"),
    }
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    import toolbox.tool  # type: ignore[import-not-found]

    yield toolbox.tool.TOOLS
    for module in [name for name in sys.modules if name.partition(".")[0] == "toolbox"]:
        del sys.modules[module]


def test_names_are_found_without_importing_a_member(tools: Family[object]) -> None:
    """The names are those of the files, sorted, without seam, helpers and private files; nothing is imported."""
    assert tools.names() == ("hammer", "hand-saw")
    assert "toolbox.hammer" not in sys.modules


def test_one_member_is_imported_without_its_siblings(tools: Family[object]) -> None:
    """A member is had by its name, and its siblings stay where they are."""
    assert tools.get("hand-saw").__module__ == "toolbox.hand_saw"
    assert "toolbox.hammer" not in sys.modules


def test_a_family_may_join_words_otherwise(underscored: Family[object]) -> None:
    """A family whose names are joined by underscores finds its members under these."""
    assert underscored.names() == ("hammer", "hand_saw")
    assert underscored.get("hand_saw").__module__ == "toolbox.hand_saw"


def test_an_unknown_name_is_answered_with_the_nearest(tools: Family[object]) -> None:
    """A name nobody bears is an error with the nearest name."""
    with pytest.raises(UnknownName, match=r"unknown tool 'hamer'; did you mean 'hammer'\?"):
        tools.get("hamer")


def test_the_seam_is_no_member(tools: Family[object]) -> None:
    """The file of the seam cannot be had as a member."""
    with pytest.raises(UnknownName):
        tools.get("tool")


def test_two_members_cannot_bear_one_name(tools: Family[object]) -> None:
    """A second class under a name is an error; the same class again is none."""
    hammer = tools.get("hammer")
    tools.register("hammer", hammer)
    with pytest.raises(ValueError, match="two tools are named 'hammer'"):
        tools.register("hammer", type("Other", (), {}))


def test_a_member_of_another_package_is_listed(tools: Family[object]) -> None:
    """A class that registers itself from elsewhere is a member like the others."""
    stranger = type("Stranger", (), {})
    tools.register("chisel", stranger)
    assert tools.all().keys() == {"chisel", "hammer", "hand-saw"}
    assert tools.get("chisel") is stranger
