"""Reading Markdown pages: their code blocks, links and the names they mention."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GUIDES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
"""Pages whose code runs."""

TEXTS = [*GUIDES, ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md"]
"""Pages whose links and names must be right."""

_FENCE = re.compile(r"^```(\w+)(?: title=(\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_SPAN = re.compile(r"`([^`\n]+)`")
_FILE = re.compile(r"[\w.-]+(?:/[\w.-]+)*\.(?:py|md|cff|cfg|toml|txt)|LICENSE|Makefile|\.ci/run")
_NAME = re.compile(r"(?:graphforget|recsys|experiments|benchmarks)(?:\.\w+)+")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page.

    Args:
        language: the first word after the fence.
        title: the file that the block is the content of, if it is one.
        code: the text inside.
        line: number of the block's first line of code in the page.
    """

    language: str
    title: str | None
    code: str
    line: int


def blocks(page: Path) -> Iterator[Block]:
    """The fenced blocks of a page from top to bottom."""
    text = page.read_text(encoding="utf-8")
    for found in _FENCE.finditer(text):
        yield Block(found[1], found[2], found[3], text.count("\n", 0, found.start(3)) + 1)


def prose(page: Path) -> str:
    """A page without its fenced blocks."""
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


def links(page: Path) -> list[str]:
    """Where a page links to within the repository, without anchors."""
    targets = [target.split("#")[0] for target in _LINK.findall(prose(page))]
    return [target for target in targets if target and "://" not in target]


def anchors(page: Path) -> list[tuple[str, str]]:
    """Links to a heading: the page, empty for the same one, and the heading's anchor."""
    found = [target.split("#") for target in _LINK.findall(prose(page)) if "#" in target]
    return [(parts[0], parts[1]) for parts in found if "://" not in parts[0]]


def headings(page: Path) -> set[str]:
    """The anchors that a page's headings have."""
    titles = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def files(page: Path) -> list[str]:
    """Files of the repository that a page names, less those that its own blocks make."""
    made = {block.title for block in blocks(page)}
    spans = [span.rstrip("/") for span in _SPAN.findall(prose(page))]
    return [span for span in spans if _FILE.fullmatch(span) and span not in made]


def names(page: Path) -> list[str]:
    """Modules and their contents that a page names with a dotted path."""
    return [span for span in _SPAN.findall(prose(page)) if _NAME.fullmatch(span)]
