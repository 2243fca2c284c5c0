"""The pages as a whole: what is generated is current, and what is linked exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs.pages import pages
from tests.docs.project_pages import PAGES, ROOT, SCENARIOS

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


@pytest.mark.parametrize("name", ["reference.md", "result.md"])
def test_a_generated_page_is_current(name: str) -> None:
    """A generated page equals what the code makes of itself now; `make schemas` writes it anew."""
    assert (ROOT / "docs" / name).read_text(encoding="utf-8") == pages()[name]


@each_page
def test_what_a_page_links_to_exists(page: Path) -> None:
    """Every link to a file of the project leads to one, and every link to a heading to a heading of that page."""
    for link in re.findall(r"\]\((?!https?:)([^)\s]+)\)", page.read_text(encoding="utf-8")):
        file, _, heading = link.partition("#")
        target = page.parent / file if file else page
        assert target.exists(), link
        assert not heading or heading in headings(target), link


def headings(page: Path) -> set[str]:
    """The anchors that a Markdown renderer makes of a page's headings."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda path: path.stem)
def test_every_shipped_scenario_is_told_of(scenario: Path) -> None:
    """The page on scenarios links to every scenario that comes with the project."""
    assert f"(../scenarios/{scenario.name})" in (ROOT / "docs" / "scenarios.md").read_text(encoding="utf-8")
