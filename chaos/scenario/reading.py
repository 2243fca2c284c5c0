"""Reading a mapping against its table of keys: every mistake is noted with its place, none stops the reading."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from chaos.errors import Misread, Mistake, nearest
from chaos.scenario.document import Entry, Fields, Items, Mark, Node, Scalar
from chaos.scenario.forms import Form
from chaos.scenario.vocabulary import SECTIONS, Table


@dataclass(slots=True)
class Section:
    """What could be read of one mapping."""

    mark: Mark
    values: dict[str, Any] = field(default_factory=dict)
    """Key → value, for those that could be read."""
    marks: dict[str, Mark] = field(default_factory=dict)
    """Key → where its value stands."""
    nodes: dict[str, Node] = field(default_factory=dict)
    """Key → node, for the keys that have a reader of their own."""
    broken: set[str] = field(default_factory=set)
    """Keys that stand there and could not be read: nothing may be concluded from their absence."""

    def at(self, key: str) -> Mark:
        return self.marks.get(key, self.mark)

    def fill(self, table: Table) -> dict[str, Any]:
        """Field → value, for the record that the table describes."""
        return {table.keys[key].field or key: value for key, value in self.values.items()}


class Reading:
    """The mistakes found so far in one scenario."""

    def __init__(self) -> None:
        self.mistakes: list[Mistake] = []

    def note(self, mark: Mark, wrong: str, right: str = "") -> None:
        self.mistakes.append(mark.mistake(wrong, right))

    def section(self, node: Node | None, table: Table, mark: Mark) -> Section:
        """Reads one mapping: fixed forms into values, the rest kept as nodes; no node reads as an empty mapping."""
        section = Section(node.mark if node else mark)
        fields = self.fields(node, table.title) if node else None
        if fields is None:
            section.broken |= set(table.keys) if node else set()
            return section
        for entry in fields.entries:
            if self.known(entry, table) and self.present(entry):
                self._take(section, entry, table)
            else:
                section.broken.add(entry.key.text)
        for key in table.required:
            if key not in fields:
                self.note(fields.mark, f"'{key}' is missing in the {table.title}", f"add `{key}:`")
        return section

    def _take(self, section: Section, entry: Entry, table: Table) -> None:
        name = entry.key.text
        section.marks[name] = entry.value.mark
        form = table.keys[name].form
        if form is None:
            section.nodes[name] = entry.value
        elif (value := self.value(entry.value, form)) is None:
            section.broken.add(name)
        else:
            section.values[name] = value

    def known(self, entry: Entry, table: Table) -> bool:
        """Whether the key belongs to the table; notes a mistake if it does not, or not yet."""
        key = entry.key.text
        if key in table.keys:
            return True
        if key in table.later:
            self.note(entry.key.mark, f"'{key}' is not yet available in the {table.title}", "leave it out")
        else:
            self.note(
                entry.key.mark, f"unknown key '{key}' in the {table.title}", _belongs(key) or nearest(key, table.keys)
            )
        return False

    def present(self, entry: Entry) -> bool:
        """Whether a value stands behind the key at all."""
        if isinstance(entry.value, Scalar) and entry.value.is_missing:
            self.note(entry.key.mark, f"'{entry.key.text}' has no value", "write one, or leave the key out")
            return False
        return True

    def fields(self, node: Node, title: str) -> Fields | None:
        """The node as a mapping; notes a mistake if it is something else."""
        if isinstance(node, Fields):
            return node
        what = "a list" if isinstance(node, Items) else "a text" if node.text else "nothing"
        self.note(node.mark, f"the {title} must be a mapping, and this is {what}", "write `key: value` lines below it")
        return None

    def text(self, node: Node) -> str | None:
        """The node as a text; notes a mistake if it is a list or mapping."""
        if isinstance(node, Scalar):
            return node.text
        what = "a list" if isinstance(node, Items) else "a mapping"
        if node.flow:
            brackets = "[" if isinstance(node, Items) else "{"
            self.note(node.mark, f"'{brackets}' begins {what} in YAML, and one value is expected here", "quote it")
        else:
            self.note(node.mark, f"one value is expected here, and this is {what}", "write it in the line of its key")
        return None

    def value(self, node: Node, form: Form) -> Any:
        """What the form reads from the node; notes a mistake and gives None if it cannot."""
        text = self.text(node)
        if text is None:
            return None
        try:
            return form.read(text)
        except Misread as misread:
            self.note(node.mark, misread.wrong, misread.right)
            return None


def _belongs(key: str) -> str:
    """Advice for a key that stands in the wrong mapping; empty if it belongs nowhere."""
    homes = [table.title for table in SECTIONS.values() if key in table.keys]
    return f"it belongs in the {homes[0]}" if homes else ""
