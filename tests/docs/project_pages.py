"""The project's pages, and the blocks of code in them."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
SCENARIOS = sorted((ROOT / "scenarios").glob("*.yml"))


def code_blocks(page: Path, language: str) -> list[str]:
    """The text of every fenced block of that language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
