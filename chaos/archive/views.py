"""Views on disk: one JSON line for each change of what a node believes.

The observer's process writes them between beats, so this file imports little and only
writes what differs from a member's ordinary values.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from chaos.model.view import HEALTHY, Member, View, ViewChange


def to_plain(view: View) -> dict[str, Any]:
    """A view as plain values for JSON; `from_plain` is its inverse."""
    plain: dict[str, Any] = {"observer": view.observer, "members": [_member_to_plain(one) for one in view.members]}
    if not view.reachable:
        plain["reachable"] = False
    if view.state is not None:
        plain["state"] = view.state
    if view.link is not None:
        plain["link"] = view.link
    return plain


def from_plain(plain: dict[str, Any]) -> View:
    """The view that `to_plain` wrote."""
    return View(
        observer=plain["observer"],
        members=tuple(_member_from_plain(one) for one in plain["members"]),
        reachable=plain.get("reachable", True),
        state=plain.get("state"),
        link=plain.get("link"),
    )


def to_line(trial: int, change: ViewChange) -> str:
    """One row of `views.jsonl`, with its line end."""
    row = {"trial": trial, "after": change.after, "at": change.at, "view": to_plain(change.view)}
    return json.dumps(row, separators=(",", ":")) + "\n"


def read_views(path: Path) -> Iterator[ViewChange]:
    """Every change of view in the order written; a torn last line is left out."""
    if not path.is_file():
        return
    with path.open(encoding="utf-8") as lines:
        for row in whole_lines(lines):
            yield ViewChange(after=row["after"], at=row["at"], view=from_plain(row["view"]))


def whole_lines(lines: Iterable[str]) -> Iterator[Any]:
    """The JSON value of each line that was written to its end.

    A process that was killed leaves at most one torn line, the last; a broken line
    anywhere else raises json.JSONDecodeError.
    """
    for line in lines:
        if line.endswith("\n"):
            yield json.loads(line)


def _member_to_plain(member: Member) -> dict[str, Any]:
    plain: dict[str, Any] = {"id": member.id, "node": member.node, "address": member.address, "role": member.role}
    if member.health != HEALTHY:
        plain["health"] = member.health
    if member.follows is not None:
        plain["follows"] = member.follows
    if member.slots:
        plain["slots"] = member.slots
    if member.epoch:
        plain["epoch"] = member.epoch
    if member.odd_flags:
        plain["odd_flags"] = member.odd_flags
    if member.open_slots:
        plain["open_slots"] = True
    return plain


def _member_from_plain(plain: dict[str, Any]) -> Member:
    return Member(
        id=plain["id"],
        node=plain["node"],
        address=plain["address"],
        role=plain["role"],
        health=plain.get("health", HEALTHY),
        follows=plain.get("follows"),
        slots=tuple((first, last) for first, last in plain.get("slots", ())),
        epoch=plain.get("epoch", 0),
        odd_flags=tuple(plain.get("odd_flags", ())),
        open_slots=plain.get("open_slots", False),
    )
