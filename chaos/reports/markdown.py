"""markdown: the report for a pull request, an issue or a wiki."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tabulate import tabulate

from chaos.model.result import RunResult
from chaos.model.verdict import FAIL, INCONCLUSIVE, PASS
from chaos.reports._document import Section, Table, document
from chaos.reports.report import Report

MARKS = {PASS: "✅", FAIL: "❌", INCONCLUSIVE: "⚠️"}
SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~@&!])")


class Markdown(Report, name="markdown"):
    """GitHub's Markdown. No text of a scenario or a server is taken as markup."""

    file_name = "report.md"

    def render(self, result: RunResult) -> str:
        page = document(result)
        heading = f"# {MARKS[page.verdict]} {escape(page.title)}: {page.verdict}"
        blocks = [heading, escape(page.sentence), *(block for section in page.sections for block in _blocks(section))]
        return "\n\n".join(blocks) + "\n"


def escape(text: str) -> str:
    """Text that Markdown shows as it is: one line, no markup, no link, no mention."""
    return SPECIAL.sub(r"\\\1", one_line(text))


def one_line(text: str) -> str:
    """Text without line breaks and control characters."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _blocks(section: Section) -> Iterator[str]:
    yield f"## {escape(section.title)}"
    if section.table:
        yield _table(section.table)
    if section.lines:
        yield "\n".join(f"- {escape(line)}" for line in section.lines)
    if section.code:
        yield f"```sh\n{one_line(section.code).replace('```', '')}\n```"


def _table(table: Table) -> str:
    rows = [[escape(cell) for cell in row] for row in table.rows]
    headers = [escape(header) for header in table.headers]
    return tabulate(rows, headers, tablefmt="github", disable_numparse=True)
