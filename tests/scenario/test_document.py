"""YAML documents: texts with their places, and everything that is refused."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.errors import ScenarioError
from chaos.scenario.document import dump, parse, plain


def refused(text: str) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        parse(text, "f")
    return [str(mistake) for mistake in caught.value.mistakes]


def test_values_are_their_source_text() -> None:
    """No value is interpreted: versions, switches and times stay as written."""
    text = "{a: 7.10, b: on, c: 1:30, d: 0o17, e: null, f: 1e3, g: ~, h: 2026-01-01}"
    assert plain(parse(text, "f")) == {
        "a": "7.10", "b": "on", "c": "1:30", "d": "0o17", "e": "null", "f": "1e3", "g": "~", "h": "2026-01-01",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("a: > 9s\n", "f:1:4: '>' starts a block of text in YAML; write: at least 9s"),
        ("a: >= 9s\n", "f:1:4: '>' starts a block of text in YAML; write: at least 9s"),
        ("a: @x\n", "f:1:4: '@' cannot start a value in YAML; quote it"),
        ("a: `x`\n", "f:1:4: '`' cannot start a value in YAML; quote it"),
        ("a: %x\n", "f:1:4: '%' cannot start a value in YAML; quote it"),
        ("a: *\n", "f:1:5: '*' and '&' begin an alias or anchor in YAML; quote it"),
        ("a:\n\t- b\n", "f:2:1: a tab cannot stand here; indent with spaces"),
        ("a: [1, 2\n", "f:1:4: '[' is opened here and never closed; add ']'"),
        ("a: {b: 1\n", "f:1:4: '{' is opened here and never closed; add '}'"),
        ("a: 'x\n", "f:1:4: a quote is opened here and never closed; close it"),
        ("a: b: c\n", "f:1:5: a ':' stands where none can; check the indentation"),
        ("a: 1\n b: 2\n", "f:2:3: a ':' stands where none can; check the indentation"),
        ("a: {}\n  b: 1\n", "f:2:3: this line does not fit in with those above it; check the indentation"),
        ("- a\nb: c\n", "f:2:1: this line does not fit in with those above it; check the indentation"),
        ('a: "\\q"\n', "f:1:6: this is no escape of a double-quoted text; use single quotes"),
        ("a: x\n\nb: \x07\n", "f:3:4: the character U+0007 cannot stand in YAML; remove it"),
        ('a: "\\ud800"\n', "f:1:4: an escape in a quoted text is no character"),
        ("", "f:1:1: the file is empty"),
        ("# nothing\n", "f:1:1: the file is empty"),
        ("[" * 60 + "]" * 60, "f:1:41: nested too deeply"),
    ],
)
def test_a_syntax_error_comes_alone_and_in_plain_words(text: str, mistake: str) -> None:
    """What YAML cannot read is one mistake, at its place, with what to write."""
    assert len(found := refused(text)) == 1
    assert found[0].startswith(mistake)


def test_yaml_features_that_hide_meaning_are_refused_all_at_once() -> None:
    """Tags, anchors, aliases and duplicate keys are each reported at their place."""
    text = "a: !!str 3\nb: &x 4\nc: *x\na: 5\n? [k]\n: 1\n"
    assert [line.partition(";")[0] for line in refused(text)] == [
        "f:1:4: '!!str' is a YAML tag",
        "f:2:4: '&x' is a YAML anchor",
        "f:3:4: '*x' is a YAML alias",
        "f:4:1: 'a' stands twice",
        "f:5:3: a key must be a text",
    ]


def test_a_second_document_is_refused() -> None:
    """One file holds one scenario."""
    assert refused("a: 1\n---\nb: 2\n") == ["f:2:1: a second document begins here; one scenario a file"]


TEXTS = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), max_size=12)
DATA = st.recursive(
    TEXTS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3), max_leaves=8
)


@given(DATA)
def test_a_dumped_tree_reads_back(data: object) -> None:
    """A tree written as YAML and read again holds the same texts."""
    tree = parse(json.dumps(data, ensure_ascii=False), "f")
    assert plain(parse(dump(tree), "f")) == plain(tree) == data


@given(st.text(max_size=60))
def test_any_text_is_a_tree_or_refused(text: str) -> None:
    """Whatever stands in a file, reading it gives a tree or a ScenarioError."""
    with suppress(ScenarioError):
        plain(parse(text, "f"))


def test_a_comment_in_an_odd_place_is_read_over() -> None:
    """Comments before an empty block scalar, on which a comment-keeping reader gives up, are no matter."""
    assert plain(parse("a: #\n  >\n\n", "file.yml")) == {"a": ""}
    assert plain(parse("a: # why\n  b  # because\n", "file.yml")) == {"a": "b"}
