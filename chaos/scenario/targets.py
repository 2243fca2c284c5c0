"""Targets: which nodes a fault hits, resolved against the live cluster at the moment it is due.

Candidates are sorted by name before any draw, so that one seed always draws the same nodes.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from typing import Final, Literal

from chaos.errors import Inconclusive, Misread, nearest
from chaos.model.record import Record
from chaos.model.view import MASTER, REPLICA, ClusterView, natural


class Target(Record):
    """One target expression, parsed."""

    text: str
    """In the house's words: `primary` has become `master`."""
    choice: Literal["of shard", "any", "all", "node", "list"]
    role: Literal["master", "replica"] | None = None
    shard: int | None = None
    """1-based, for `of shard`."""
    node: str | None = None
    parts: tuple[Target, ...] = ()
    """The targets of a list."""

    def __str__(self) -> str:
        return self.text


SENTENCES: Final = {
    "master of shard N": "the node that owns most slots of shard N now",
    "replica of shard N": "a replica of that node, drawn by the seed if there are several",
    "any master": "one master, drawn by the seed",
    "any replica": "one replica, drawn by the seed",
    "all masters": "every master",
    "all replicas": "every replica",
    "node X": "the node of that name, whatever its role",
}
"""The target forms there are, with what each chooses; a list of them chooses all that they choose."""

_LATER: Final = re.compile(
    r"each (master|replica)|\d+ random \w+|[\d.]+% of .+|minority|majority|others|shard \d+|zone \S+"
    r"|(master|replica) of (key|slot) .+|promoted|(minority of |majority of )?sentinels|clients( \S+)?|.+ of \D\S*"
)
"""The forms of the language that cannot be resolved yet."""


def parse_target(text: str) -> Target:
    """The target that `text` writes; `primary` is read as `master`. Raises Misread."""
    words = re.sub(
        r"\bprimar(y|ies)\b", lambda found: "masters" if found[1] == "ies" else "master", _single_spaced(text)
    )
    if found := re.fullmatch(r"(master|replica) of shard (\d{1,9})", words):
        return _of_shard(words, found[1], int(found[2]))
    if found := re.fullmatch(r"any (master|replica)|all (master|replica)s", words):
        role, choice = (found[1], "any") if found[1] else (found[2], "all")
        return Target.model_validate({"text": words, "choice": choice, "role": role})
    if found := re.fullmatch(r"node (\S+)", _single_spaced(text)):
        return Target(text=found[0], choice="node", node=found[1])
    if _LATER.fullmatch(words):
        raise Misread(f"the target '{words}' is not yet available", f"there are: {', '.join(SENTENCES)}")
    raise Misread(f"'{words}' is no target", _advice(words))


def list_of(parts: Sequence[Target]) -> Target:
    """The target that chooses everything its parts choose."""
    return Target(text=f"[{', '.join(part.text for part in parts)}]", choice="list", parts=tuple(parts))


def resolve(target: Target, view: ClusterView, rng: random.Random) -> tuple[str, ...]:
    """The names of the nodes chosen, each once; raises Inconclusive if there is none."""
    if target.choice == "list":
        chosen = [node for part in target.parts for node in resolve(part, view, rng)]
        return tuple(dict.fromkeys(chosen))
    candidates = sorted(_candidates(target, view), key=natural)
    if not candidates:
        raise Inconclusive(f"the target '{target}' resolves to nothing")
    draws_one = target.choice == "any" or (target.choice == "of shard" and target.role == REPLICA)
    return (rng.choice(candidates),) if draws_one else tuple(candidates)


def _candidates(target: Target, view: ClusterView) -> list[str]:
    if target.choice == "node":
        return [node for node in view.nodes if node == target.node]
    shards = [target.shard] if target.shard is not None else sorted(view.masters)
    if target.role == MASTER:
        return [master for shard in shards if (master := view.masters.get(shard)) is not None]
    return [replica for shard in shards for replica in view.replicas.get(shard, ())]


def _of_shard(words: str, role: str, shard: int) -> Target:
    if shard == 0:
        raise Misread("there is no shard 0", f"shards are counted from 1: {role} of shard 1?")
    return Target.model_validate({"text": words, "choice": "of shard", "role": role, "shard": shard})


def _advice(words: str) -> str:
    if re.fullmatch(r"[A-Za-z]+-\d+", words):
        return f"node {words}?"
    if found := re.fullmatch(r"(master|replica)s?(?: of)?(?: shard)? ?(\d+)", words):
        return f"{found[1]} of shard {found[2]}?"
    if words in ("masters", "replicas"):
        return f"all {words}?"
    if words in ("master", "replica"):
        return f"any {words}?"
    number = re.search(r"\b\d+\b", words)
    pattern = re.sub(r"\b\d+\b", "N", words)
    advice = nearest(pattern, SENTENCES)
    return advice.replace("N", number[0]) if number and advice.startswith("did") else advice


def _single_spaced(text: str) -> str:
    return " ".join(text.split())
