"""Every link between pages of this repository leads somewhere, headings included; every page can be reached from the README."""

import re
import subprocess
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def pages() -> list[Path]:
    """Markdown that belongs to the repository."""
    if not (TOP / ".git").exists():
        return [TOP / "README.md", *sorted((TOP / "docs").rglob("*.md"))]
    words = ["git", "ls-files", "*.md"]
    listed = subprocess.run(words, cwd=TOP, capture_output=True, text=True, check=True).stdout
    return [TOP / name for name in sorted(set(listed.splitlines())) if (TOP / name).is_file()]


def anchors(page: Path) -> set[str]:
    """Headings as GitHub links to them."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def targets(page: Path) -> list[tuple[str, str]]:
    """(path, anchor) of a page's links inside the repository."""
    text = re.sub(r"^```.*?^```$|`[^`\n]+`", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    return [tuple(link.partition("#")[::2]) for link in LINK.findall(text) if not re.match(r"[a-z]+:", link)]


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(TOP)))
def test_links_lead_somewhere(page):
    for path, anchor in targets(page):
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{page.name}: {path}"
        assert target.is_relative_to(TOP), f"{page.name}: {path} leaves the repository"
        if anchor:
            assert anchor in anchors(target), f"{page.name}: {path}#{anchor}"


def test_every_page_is_reached_from_the_readme():
    reached, ahead = set(), [TOP / "README.md"]
    while ahead:
        page = ahead.pop()
        if page in reached or page.suffix != ".md" or not page.is_file():
            continue
        reached.add(page)
        for path, _ in targets(page):
            target = (page.parent / path).resolve() if path else page
            ahead += sorted(target.glob("*.md")) if target.is_dir() else [target]
    lost = {page for page in pages() if page.is_relative_to(TOP / "docs")} - reached
    assert not lost, f"no page links to {sorted(str(page.relative_to(TOP)) for page in lost)}"
