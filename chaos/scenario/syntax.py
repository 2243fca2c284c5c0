"""YAML's syntax errors in plain words: what is wrong, what would be right, and where."""

from __future__ import annotations

import re
from typing import Final

from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.reader import ReaderError

Explained = tuple[int, int, str, str]
"""Line and column (1-based), what is wrong, what would be right."""

_QUOTE_IT: Final = "quote it"


def explain(error: YAMLError, text: str) -> Explained:
    """The place of a syntax error in `text` with words a newcomer to YAML understands.

    Of the text itself it repeats single characters and bounds only: a secret might stand there.
    """
    if isinstance(error, ReaderError):
        return _unreadable_character(error, text)
    if not isinstance(error, MarkedYAMLError):
        return 1, 1, "this is not valid YAML", str(error).splitlines()[0]
    mark = error.problem_mark or error.context_mark
    if mark is None:
        return 1, 1, "this is not valid YAML", str(error.problem)
    line, column = mark.line, mark.column
    began = error.context_mark or mark
    context, problem = error.context or "", error.problem or ""
    if "block scalar" in context:
        return began.line + 1, began.column + 1, *_block(_rest_of_line(text, began.line, began.column))
    if problem.startswith("found unexpected end of stream") or ("quoted scalar" in context and "document" in problem):
        return began.line + 1, began.column + 1, "a quote is opened here and never closed", "close it"
    if found := re.match(r"expected ',' or '([\]}])'", problem):
        return _unclosed(found[1], began.line, began.column, line, column, problem)
    wrong, right = _by_problem(context, problem, _rest_of_line(text, line, column))
    return line + 1, column + 1, wrong, right


def _block(rest: str) -> tuple[str, str]:
    """`> 9s` was meant as a comparison, and YAML takes it as the start of a text block."""
    if found := re.match(r">=?\s*(\d\S*)", rest):
        return "'>' starts a block of text in YAML", f"write: at least {found[1]}"
    return f"'{rest[:1]}' starts a block of text in YAML", f"{_QUOTE_IT}, or write: at least …"


def _unclosed(bracket: str, began: int, began_column: int, line: int, column: int, problem: str) -> Explained:
    opening = {"]": "[", "}": "{"}[bracket]
    if "stream end" in problem:
        return began + 1, began_column + 1, f"'{opening}' is opened here and never closed", f"add '{bracket}'"
    wrong = f"a ',' or '{bracket}' is missing before this ('{opening}' is opened in line {began + 1})"
    return line + 1, column + 1, wrong, "separate the parts with commas, and quote a text that holds brackets"


def _by_problem(context: str, problem: str, rest: str) -> tuple[str, str]:
    character = rest[:1]
    if "cannot start any token" in problem and character == "\t":
        return "a tab cannot stand here", "indent with spaces"
    if "cannot start any token" in problem:
        return f"'{character}' cannot start a value in YAML", _QUOTE_IT
    if "anchor" in context or "alias" in context:
        return "'*' and '&' begin an alias or anchor in YAML", _QUOTE_IT
    if "tag" in context or "tag" in problem:
        return "'!' begins a tag in YAML", _QUOTE_IT
    if problem == "mapping values are not allowed here":
        return (
            "a ':' stands where none can",
            "check the indentation, put a space after each ':', quote a text with ': ' in it",
        )
    if problem.startswith("sequence entries are not allowed"):
        return "a '-' of a list stands where none can", "put each '- ' on a line of its own, or quote it"
    if "escape" in problem or "escape" in context:
        return "this is no escape of a double-quoted text", "use single quotes"
    if "block end" in problem or "block mapping" in context or "block collection" in context:
        return "this line does not fit in with those above it", "check the indentation and the ':' after each key"
    if "node content" in problem and not character:
        return "the file ends where a value is expected", "close every bracket and quote"
    if "node content" in problem:
        return f"'{character}' stands where a value is expected", _QUOTE_IT
    if "directive" in context:
        return "'%' begins a directive in YAML", _QUOTE_IT
    return f"this is not valid YAML: {problem}", "check the indentation, and quote a value with special characters"


def _unreadable_character(error: ReaderError, text: str) -> Explained:
    before = text[: error.position]
    line, column = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
    code = error.character if isinstance(error.character, int) else ord(error.character[:1] or "\0")
    return line, column, f"the character U+{code:04X} cannot stand in YAML", "remove it"


def _rest_of_line(text: str, line: int, column: int) -> str:
    lines = text.splitlines()
    return lines[line][column:] if line < len(lines) else ""
