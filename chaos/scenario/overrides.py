"""Overrides: `--set a.b.c=VALUE` puts a value into a scenario's document before it is read.

VALUE is YAML. A fault entry is addressed by its name or number, an element of a list by its
number, both counted from 1: `faults.death.fault=pause`, `cluster.config.save.1=900 1`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from chaos.errors import UsageError, nearest
from chaos.scenario.catalogue import Catalogue
from chaos.scenario.document import DEEPEST, Entry, Fields, Items, Mark, Node, Scalar, parse
from chaos.scenario.fault_reader import fault_keys
from chaos.scenario.vocabulary import ENTRY, SECTIONS


def apply_overrides(tree: Node, overrides: Sequence[str], catalogue: Catalogue) -> Node:
    """The tree with every override put in, in order; raises UsageError for a path that leads nowhere."""
    for override in overrides:
        path, equals, value = override.partition("=")
        if not equals or not all(path.split(".")) or path.count(".") > DEEPEST:
            raise UsageError(f"--set {path}: write it like --set cluster.shards=5")
        if not value.strip():
            raise UsageError(f"--set {path}: there is no value behind the '='")
        tree = _Override(path, parse(value, f"--set {path}"), catalogue).put(tree, (), tuple(path.split(".")))
    return tree


@dataclass(frozen=True, slots=True)
class _Override:
    """One override on its way down the tree: `above` is the path already walked, `below` what is left of it."""

    path: str
    value: Node
    catalogue: Catalogue

    def put(self, node: Node | None, above: tuple[str, ...], below: tuple[str, ...]) -> Node:
        if not below:
            return self.value
        if len(above) == 2 and above[0] == "faults" and isinstance(node, Fields):
            return self._put_into_fault(node, above, below)
        if isinstance(node, Items) or above == ("faults",):
            return self._put_into_list(node, above, below)
        fields = self._as_fields(node, above)
        self._refuse_unknown(above, below[0])
        return fields.put(self._key(below[0]), self.put(fields.get(below[0]), (*above, below[0]), below[1:]))

    def _as_fields(self, node: Node | None, above: tuple[str, ...]) -> Fields:
        """The mapping to put a key into: nothing becomes an empty one, a single bound one for the whole trial."""
        if isinstance(node, Fields):
            return node
        if node is None or (isinstance(node, Scalar) and node.is_missing):
            return Fields(self._mark, ())
        if len(above) == 2 and above[0] == "expect":
            return Fields(node.mark, (Entry(self._key("trial"), node),))
        raise self._refusal(f"'{'.'.join(above) or 'the file'}' is a single value and has no keys")

    def _refuse_unknown(self, above: tuple[str, ...], key: str) -> None:
        table = SECTIONS.get(above)
        if table and key not in table.keys and key not in table.later:
            raise self._refusal(f"unknown key '{key}' in the {table.title}; {nearest(key, table.keys)}")
        checks = self.catalogue.checks
        if above == ("expect",) and key not in checks and key not in self.catalogue.not_yet.checks:
            raise self._refusal(f"unknown check '{key}'; {nearest(key, checks)}")

    def _put_into_list(self, node: Node | None, above: tuple[str, ...], below: tuple[str, ...]) -> Node:
        items = node.nodes if isinstance(node, Items) else ()
        names = [_name_of(item) for item in items] if above == ("faults",) else []
        known = [name or str(number) for number, name in enumerate(names, 1)] or [str(n + 1) for n in range(len(items))]
        if below[0] in names:
            index = names.index(below[0])
        elif below[0].isdecimal() and 1 <= int(below[0]) <= len(items):
            index = int(below[0]) - 1
        else:
            what = "fault entry" if above == ("faults",) else "element"
            raise self._refusal(f"there is no {what} '{below[0]}' in '{'.'.join(above)}'; {nearest(below[0], known)}")
        changed = self.put(items[index], (*above, below[0]), below[1:])
        mark = node.mark if node else self._mark
        flow = node.flow if isinstance(node, Items) else False
        return Items(mark, (*items[:index], changed, *items[index + 1 :]), flow)

    def _put_into_fault(self, entry: Fields, above: tuple[str, ...], below: tuple[str, ...]) -> Node:
        """An entry is brought into its long form first where its fault, target or an option is addressed."""
        key = below[0]
        long_form = written_out(entry, self.catalogue)
        if key in ENTRY.later or (key in ENTRY.keys and key not in ("fault", "target")):
            return entry.put(self._key(key), self.put(entry.get(key), (*above, key), below[1:]))
        fault = _text(long_form.get("fault"))
        if key == fault and len(below) == 1:  # faults.death.kill=TARGET, or = {target: …, options}
            return written_out(_short_form(long_form, self._key(key), self.value), self.catalogue)
        if key == fault:  # faults.death.kill.target=…
            below, key = below[1:], below[1]
        known = self.catalogue.faults.get(fault)
        options = tuple(known.options.model_fields) if known else ()
        if known and key not in ENTRY.keys and key not in options:
            raise self._refusal(f"unknown key '{key}' in the {ENTRY.title}; {nearest(key, (*ENTRY.keys, *options))}")
        return long_form.put(self._key(key), self.put(long_form.get(key), (*above, key), below[1:]))

    @property
    def _mark(self) -> Mark:
        return Mark(f"--set {self.path}", 1, 1)

    def _key(self, text: str) -> Scalar:
        return Scalar(self._mark, text)

    def _refusal(self, reason: str) -> UsageError:
        return UsageError(f"--set {self.path}: {reason}")  # never the value: it may be a secret


def written_out(entry: Fields, catalogue: Catalogue) -> Fields:
    """A fault entry in its long form: `kill: {target: T, signal: S}` as `fault: kill`, `target: T`, `signal: S`."""
    own = fault_keys(entry)
    if entry.get("fault") is not None or not own:
        return entry
    named = [item for item in own if item.key.text in catalogue.faults or item.key.text in catalogue.not_yet.faults]
    short = (named or own)[0]
    entries: list[Entry] = []
    for item in entry.entries:
        if item is not short:
            entries.append(item)
            continue
        entries.append(Entry(Scalar(short.key.mark, "fault"), Scalar(short.key.mark, short.key.text)))
        if isinstance(short.value, Fields):
            entries += short.value.entries
        else:
            entries.append(Entry(Scalar(short.key.mark, "target"), short.value))
    return replace(entry, entries=tuple(entries))


def _short_form(long_form: Fields, key: Scalar, value: Node) -> Fields:
    """The entry's common keys with the short form of its fault; its former options go."""
    common = tuple(e for e in long_form.entries if e.key.text in ENTRY.keys and e.key.text not in ("fault", "target"))
    return replace(long_form, entries=(*common, Entry(key, value)))


def _name_of(item: Node) -> str:
    return _text(item.get("name")) if isinstance(item, Fields) else ""


def _text(node: Node | None) -> str:
    return node.text if isinstance(node, Scalar) else ""
