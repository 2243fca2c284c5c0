"""terminal: the summary printed at the end of a run."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from tabulate import tabulate

from chaos.model.result import RunResult
from chaos.model.verdict import FAIL, INCONCLUSIVE, PASS
from chaos.reports._document import Document, Section, Table, document
from chaos.reports.report import Report

COLOURS = {PASS: "\x1b[32m", FAIL: "\x1b[31m", INCONCLUSIVE: "\x1b[33m"}
BOLD, PLAIN = "\x1b[1m", "\x1b[0m"
LEAST_CELL = 24
"""A column is never squeezed below this many characters."""


class Terminal(Report, name="terminal"):
    """Plain text; colours only where the caller says that a terminal shows them."""

    file_name = None

    def render(self, result: RunResult, width: int = 100, colour: bool = False) -> str:
        page = document(result)
        blocks = [_headline(page, width, colour)]
        blocks += [_block(section, width, colour) for section in page.sections if not section.detail]
        return "\n\n".join(blocks) + "\n"


def clean(text: str) -> str:
    """Text without line breaks or control characters: a server's words cannot steer the terminal."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _headline(page: Document, width: int, colour: bool) -> str:
    verdict = f"{COLOURS[page.verdict]}{BOLD}{page.verdict.upper()}{PLAIN}" if colour else page.verdict.upper()
    return f"{verdict}  {clean(page.title)}\n" + "\n".join(_wrapped(page.sentence, width))


def _block(section: Section, width: int, colour: bool) -> str:
    title = clean(section.title)
    lines = [f"{BOLD}{title}{PLAIN}" if colour else title]
    if section.table:
        lines += [f"  {line}" for line in _table(section.table, width - 2).splitlines()]
    for line in section.lines:
        lines += _wrapped(line, width)
    if section.code:
        lines.append(f"  {clean(section.code)}")
    return "\n".join(lines)


def _table(table: Table, width: int) -> str:
    """The table, its last column wrapped so that it fits the width where it can."""
    rows = [[clean(cell) for cell in row] for row in table.rows]
    others = [max(len(row[column]) for row in [list(table.headers), *rows]) for column in range(len(table.headers) - 1)]
    room = max(LEAST_CELL, width - sum(others) - 2 * len(others))
    limits = [None] * len(others) + [room]
    return tabulate(rows, table.headers, tablefmt="simple", disable_numparse=True, maxcolwidths=limits)


def _wrapped(line: str, width: int) -> Iterator[str]:
    yield from textwrap.wrap(clean(line), width, initial_indent="  ", subsequent_indent="  ") or [""]
