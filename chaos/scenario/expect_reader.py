"""Reading `expect`: for each check a bound, or a mapping from scopes to bounds."""

from __future__ import annotations

import re
from typing import Final

from chaos.errors import Misread, nearest
from chaos.scenario.bounds import Bound, parse_bound
from chaos.scenario.catalogue import Catalogue, CheckRule
from chaos.scenario.document import Entry, Fields, Node, Scalar
from chaos.scenario.drafts import ExpectDraft
from chaos.scenario.language import ExpectEntry, Scope
from chaos.scenario.reading import Reading

SCOPES: Final = {
    "before": "before the first fault",
    "during NAME": "while that injection is in effect",
    "after NAME": "from its revert on",
    "shard N": "that shard alone",
    "other shards": "the shards to which nothing was done",
    "LOAD": "the load of that name alone",
}
"""Where an expectation may look, besides the whole trial."""


def read_expectations(reading: Reading, node: Node | None, catalogue: Catalogue) -> list[ExpectDraft]:
    """Every bound of `expect`, in file order."""
    if node is None or (fields := reading.fields(node, "expectations")) is None:
        return []
    drafts = []
    for entry in fields.entries:
        if rule := _rule(reading, entry, catalogue):
            drafts += _read_check(reading, entry, rule)
    return drafts


def _rule(reading: Reading, entry: Entry, catalogue: Catalogue) -> CheckRule | None:
    check = entry.key.text
    if check in catalogue.checks:
        return catalogue.checks[check] if reading.present(entry) else None
    if check in catalogue.not_yet.checks:
        reading.note(entry.key.mark, f"the check '{check}' is not yet available", "leave it out")
    else:
        reading.note(entry.key.mark, f"unknown check '{check}'", nearest(check, catalogue.checks))
    return None


def _read_check(reading: Reading, entry: Entry, rule: CheckRule) -> list[ExpectDraft]:
    check = entry.key.text
    if not isinstance(entry.value, Fields):
        bound = _bound(reading, entry.value, rule)
        expected = ExpectEntry(check=check, bound=bound) if bound else None
        return [ExpectDraft(entry.value.mark, entry.key.mark, expected)] if expected else []
    drafts = []
    for item in entry.value.entries:
        scope = _scope(reading, item.key, check, rule)
        bound = _bound(reading, item.value, rule) if reading.present(item) else None
        if scope and bound:
            expected = ExpectEntry(check=check, scope=scope, bound=bound)
            drafts.append(ExpectDraft(item.value.mark, item.key.mark, expected))
    return drafts


def _bound(reading: Reading, node: Node, rule: CheckRule) -> Bound | None:
    if isinstance(node, Scalar) and node.style == ">":
        reading.note(node.mark, "'>' starts a block of text in YAML", f"write: at least {node.text.strip()}")
        return None
    text = reading.text(node)
    if text is None:
        return None
    try:
        return parse_bound(text, (rule.unit, *rule.other_units), allow_yes=rule.awaited)
    except Misread as misread:
        reading.note(node.mark, misread.wrong, misread.right)
        return None


def _scope(reading: Reading, key: Scalar, check: str, rule: CheckRule) -> Scope | None:
    scope = parse_scope(key.text)
    if isinstance(scope, Scope) and scope.kind in rule.scopes:
        return scope
    if not isinstance(scope, Scope):
        reading.note(key.mark, f"'{key.text}' is no scope", scope)
    elif scope.kind == "load":  # any single word may be the name of a load
        reading.note(key.mark, f"'{key.text}' is no scope of '{check}'", _allowed(rule))
    else:
        reading.note(key.mark, f"'{check}' cannot be judged '{scope}'", _allowed(rule))
    return None


def parse_scope(text: str) -> Scope | str:
    """The scope that `text` writes, or advice if it writes none; a single other word is the name of a load."""
    words = " ".join(text.split())
    if words in ("trial", "before", "other shards"):
        return Scope.model_validate({"kind": words})
    if found := re.fullmatch(r"(during|after) (\S+)", words):
        return Scope.model_validate({"kind": found[1], "name": found[2]})
    if found := re.fullmatch(r"shard (\d{1,9})", words):
        return Scope(kind="shard", name=str(int(found[1])))
    if words in ("during", "after"):
        return f"name the injection: {words} NAME"
    if words == "shard":
        return "name the shard: shard 1"
    if re.fullmatch(r"\S+", words):
        return Scope(kind="load", name=words)
    return f"there are: {', '.join(SCOPES)}"


def _allowed(rule: CheckRule) -> str:
    spelled = {"trial": "the bound itself, for the whole trial", "load": "LOAD"}
    spelled |= {kind: f"{kind} NAME" for kind in ("during", "after")} | {"shard": "shard N"}
    return f"possible: {', '.join(spelled.get(kind, kind) for kind in rule.scopes)}"
