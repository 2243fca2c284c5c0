"""YAML as the scenario language uses it: a tree of texts, lists and mappings, each with its place in the source.

This is the YAML library's one door. Values stay the text that stands in the source, so that
`7.10` never becomes 7.1 nor `on` True. Tags, anchors, aliases, duplicate keys and several
documents in one file are refused, because a scenario must say what it seems to say.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml import events as yaml_events
from ruamel.yaml.error import StringMark, YAMLError
from ruamel.yaml.tag import Tag

from chaos.errors import Mistake, ScenarioError
from chaos.scenario.syntax import explain

DEEPEST: Final = 40
"""Levels of nesting accepted; a scenario needs eight."""
_LITERAL: Final = "|"
_NO_CHARACTER: Final = ("an escape in a quoted text is no character", "check each \\u and \\U")
_STANDARD_TAG: Final = "tag:yaml.org,2002:"
_TEXT_TAG: Final = Tag(suffix="tag:yaml.org,2002:str")
"""Never written; but the library's emitter fails on an empty text without a tag."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a source: a file or an override; line and column are 1-based."""

    source: str
    line: int
    column: int

    def mistake(self, wrong: str, right: str = "") -> Mistake:
        return Mistake(self.source, self.line, self.column, wrong, right)


@dataclass(frozen=True, slots=True)
class Scalar:
    """A text as it stands in the source, without its quotes."""

    mark: Mark
    text: str
    style: str = ""
    """The quote or block character it is written with; empty for plain."""

    @property
    def is_missing(self) -> bool:
        """Whether nothing at all stands there, as in `at:`."""
        return not self.text and not self.style


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    mark: Mark
    nodes: tuple[Node, ...]
    flow: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """One key of a mapping with its value."""

    key: Scalar
    value: Node


@dataclass(frozen=True, slots=True)
class Fields:
    """A mapping; keys are unique."""

    mark: Mark
    entries: tuple[Entry, ...]
    flow: bool = False

    def get(self, key: str) -> Node | None:
        return next((entry.value for entry in self.entries if entry.key.text == key), None)

    def __contains__(self, key: object) -> bool:
        return any(entry.key.text == key for entry in self.entries)

    def put(self, key: Scalar, value: Node) -> Fields:
        """The same mapping with one key's value replaced, or added at its end."""
        if key.text not in self:
            return replace(self, entries=(*self.entries, Entry(key, value)))
        return replace(self, entries=tuple(Entry(e.key, value) if e.key.text == key.text else e for e in self.entries))


Node = Scalar | Items | Fields


def parse(text: str, source: str) -> Node:
    """The tree of one YAML document; raises ScenarioError: a syntax error alone, else everything refused."""
    try:
        # The safe reader, for nobody needs the comments: the round-trip one gives up on some of them.
        events = list(YAML(typ="safe", pure=True).parse(text))
    except YAMLError as error:
        line, column, wrong, right = explain(error, text)
        raise ScenarioError([Mistake(source, line, column, wrong, right)]) from None
    except (ValueError, OverflowError):  # what the library's scanner lets through for an escape that is no character
        raise ScenarioError([Mistake(source, 1, 1, *_NO_CHARACTER)]) from None
    return _Builder(source, events).document()


def plain(node: Node) -> Any:
    """The node as plain Python data: texts, lists and dicts."""
    if isinstance(node, Scalar):
        return node.text
    if isinstance(node, Items):
        return [plain(item) for item in node.nodes]
    return {entry.key.text: plain(entry.value) for entry in node.entries}


def dump(node: Node) -> str:
    """The tree as YAML text again; comments are lost, values keep their text."""
    out = io.StringIO()
    writer = YAML()
    writer.width = 120
    writer.emit(_document_events(node), out)
    return out.getvalue()


class _Builder:
    """Builds the tree from the parser's events, collecting what the scenario language refuses."""

    def __init__(self, source: str, events: list[yaml_events.Event]) -> None:
        self._source = source
        self._events = iter(events)
        self._mistakes: list[Mistake] = []

    def document(self) -> Node:
        root: Node | None = None
        for event in self._events:
            if isinstance(event, yaml_events.DocumentStartEvent):
                if root is not None:
                    self._refuse(event, "a second document begins here", "one scenario a file")
                    break
                root = self._node(next(self._events), depth=1)
        if self._mistakes:
            raise ScenarioError(self._mistakes)
        if root is None:
            raise ScenarioError([Mistake(self._source, 1, 1, "the file is empty", "start with `name:` and `cluster:`")])
        return root

    def _node(self, event: yaml_events.Event, depth: int) -> Node:
        if depth > DEEPEST:
            raise ScenarioError([self._mark(event).mistake("nested too deeply", f"at most {DEEPEST} levels")])
        self._refuse_extras(event)
        if isinstance(event, yaml_events.SequenceStartEvent):
            return Items(self._mark(event), tuple(self._items(depth)), bool(event.flow_style))
        if isinstance(event, yaml_events.MappingStartEvent):
            return Fields(self._mark(event), tuple(self._entries(depth)), bool(event.flow_style))
        if isinstance(event, yaml_events.AliasEvent):
            self._refuse(event, f"'*{event.anchor}' is a YAML alias", "quote it, or write the value out")
            return Scalar(self._mark(event), "")
        assert isinstance(event, yaml_events.ScalarEvent)  # no other kind of event begins a node
        if any("\ud800" <= character <= "\udfff" for character in event.value):
            self._refuse(event, *_NO_CHARACTER)
        return Scalar(self._mark(event), event.value, event.style or "")

    def _items(self, depth: int) -> Iterator[Node]:
        while not isinstance(event := next(self._events), yaml_events.SequenceEndEvent):
            yield self._node(event, depth + 1)

    def _entries(self, depth: int) -> Iterator[Entry]:
        seen: dict[str, Mark] = {}
        while not isinstance(event := next(self._events), yaml_events.MappingEndEvent):
            key = self._node(event, depth + 1)
            value = self._node(next(self._events), depth + 1)
            if not isinstance(key, Scalar):
                self._mistakes.append(key.mark.mistake("a key must be a text", "quote it"))
            elif key.text in seen:
                first = seen[key.text].line
                self._mistakes.append(key.mark.mistake(f"'{key.text}' stands twice", f"the first is in line {first}"))
            else:
                seen[key.text] = key.mark
                yield Entry(key, value)

    def _refuse_extras(self, event: yaml_events.Event) -> None:
        tag, anchor = getattr(event, "ctag", None), getattr(event, "anchor", None)
        if tag is not None:
            self._refuse(
                event, f"'{str(tag).replace(_STANDARD_TAG, '!!')}' is a YAML tag", "leave it out; the text alone counts"
            )
        if anchor is not None and not isinstance(event, yaml_events.AliasEvent):
            self._refuse(event, f"'&{anchor}' is a YAML anchor", "quote it, or write the value out")

    def _refuse(self, event: yaml_events.Event, wrong: str, right: str) -> None:
        self._mistakes.append(self._mark(event).mistake(wrong, right))

    def _mark(self, event: yaml_events.Event) -> Mark:
        mark: StringMark = event.start_mark
        return Mark(self._source, mark.line + 1, mark.column + 1)


def _document_events(node: Node) -> Iterator[yaml_events.Event]:
    yield yaml_events.StreamStartEvent()
    yield yaml_events.DocumentStartEvent(explicit=False)
    yield from _events_of(node)
    yield yaml_events.DocumentEndEvent(explicit=False)
    yield yaml_events.StreamEndEvent()


def _events_of(node: Node) -> Iterator[yaml_events.Event]:
    if isinstance(node, Scalar):
        # A folded text is written literally: the same text without the library's marks of where it was folded.
        style = _LITERAL if node.style == ">" else node.style or None
        yield yaml_events.ScalarEvent(anchor=None, tag=_TEXT_TAG, implicit=(True, True), value=node.text, style=style)
    elif isinstance(node, Items):
        yield yaml_events.SequenceStartEvent(anchor=None, tag=None, implicit=True, flow_style=node.flow)
        for item in node.nodes:
            yield from _events_of(item)
        yield yaml_events.SequenceEndEvent()
    else:
        yield yaml_events.MappingStartEvent(anchor=None, tag=None, implicit=True, flow_style=node.flow)
        for entry in node.entries:
            yield from _events_of(entry.key)
            yield from _events_of(entry.value)
        yield yaml_events.MappingEndEvent()
