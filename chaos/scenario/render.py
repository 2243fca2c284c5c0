"""Rendering: the text of a scenario as given after overrides, as a run directory keeps it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

from chaos.scenario.document import Node, dump

_MODELINE = "# yaml-language-server:"


def render(source: str, tree: Node, overrides: Sequence[str]) -> str:
    """The source itself, or, with overrides, the changed document below the source's first comment."""
    if not overrides:
        return source
    head = takewhile(lambda line: line.startswith("#") or not line.strip(), source.splitlines())
    comments = [line for line in head if line.strip() and not line.startswith(_MODELINE)]
    changes = [f"# --set {' '.join(override.split())}" for override in overrides]
    return "\n".join([*comments, *changes, dump(tree)])
