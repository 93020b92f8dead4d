"""Every page of the tutorial runs as printed, from top to bottom, in an empty folder.

Blocks of Python run in one namespace a page, blocks of commands through the command line, and a block whose first line names a
file (```toml my-chip.toml) is written to it.
"""

import re
import shlex
from pathlib import Path

import pytest

from spikemesh.cli import main

PAGES = sorted((Path(__file__).parents[2] / "docs" / "tutorial").glob("[0-9]-*.md"))
BLOCK = re.compile(r"^```(\w+)(?: ([\w.-]+))?\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def run_page(page: Path) -> dict:
    """Runs a page's blocks in the current folder; gives what its Python left behind."""
    names: dict = {"__name__": "tutorial"}
    for language, file, body in BLOCK.findall(page.read_text(encoding="utf-8")):
        if file:
            Path(file).write_text(body, encoding="utf-8")
        elif language == "sh":
            for line in body.splitlines():
                command, *words = shlex.split(line)
                assert command == "spikemesh"
                # in this process, which an edit of the package on the way does not touch
                words += ["--workers", "0"] if words[0] == "sweep" else []
                assert main(words) == 0, line
        else:
            assert language == "python", f"{page.name}: a block of {language} that nobody runs"
            exec(compile(body, page.name, "exec"), names)
    return names


@pytest.fixture
def page(request, tmp_path, monkeypatch):
    """What the page of this number leaves behind."""
    monkeypatch.chdir(tmp_path)
    return run_page(PAGES[request.param - 1])


@pytest.mark.parametrize("page", [1], indirect=True)
def test_your_network(page, capsys):
    assert page["trace"].accuracy >= 0.7
    assert page["found"]["latency_mean_cycles"] > 0


@pytest.mark.parametrize("page", [2], indirect=True)
def test_your_chip(page, capsys):
    assert page["chip"].hop_x_pj == pytest.approx(1.5 + 32 * 0.04)
    assert page["longer"].link_cycles_x == 1


@pytest.mark.parametrize("page", [3], indirect=True)
def test_your_mapping(page):
    assert page["part"].method == "auto"
    assert page["mapped"].n_crossbars > 30


@pytest.mark.parametrize("page", [4], indirect=True)
def test_your_question(page):
    assert len(page["table"]) == 4
    assert Path("swept/report.html").is_file() and Path("stored/report.html").is_file()


def test_there_is_a_page_for_each_test():
    assert [page.name[0] for page in PAGES] == ["1", "2", "3", "4"]
