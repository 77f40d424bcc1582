"""The documentation is true: its code runs, and what it names is there."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

from experiments.__main__ import main as experiments
from graphforget import exact, unlearn
from graphforget.cli import main as graphforget
from recsys.cli import main as recsys
from tests.docs.pages import (
    GUIDES,
    ROOT,
    TEXTS,
    Block,
    anchors,
    blocks,
    files,
    headings,
    links,
    names,
)

QUICK = ("add-your-own-method", "own-module")
"""Pages that take less than about five seconds."""

RUN = ("graphforget ", "recsys ", "python -m experiments ", "python ")
"""How a line of a bash block begins that is carried out."""


def _cases() -> list:
    """The pages that have something to run, the long ones marked."""
    pages = [page for page in GUIDES if any(_runs(block) for block in blocks(page))]
    marks = {True: [], False: [pytest.mark.slow]}
    return [pytest.param(p, id=p.stem, marks=marks[p.stem in QUICK]) for p in pages]


def _runs(block: Block) -> bool:
    if block.title is not None:
        return False
    return block.language == "python" or (
        block.language == "bash" and block.code.startswith(RUN) and "benchmarks" not in block.code
    )


@pytest.mark.parametrize("page", _cases())
def test_code_blocks_run_in_order(page: Path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    names: dict = {"__name__": "page"}
    for block in blocks(page):
        if block.title is not None:
            path = tmp_path / block.title
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.code, encoding="utf-8")
            monkeypatch.delitem(sys.modules, path.stem, raising=False)  # of another run of the page
        elif _runs(block) and block.language == "python":
            code = "\n" * (block.line - 1) + block.code  # tracebacks name the line of the page
            exec(compile(code, str(page), "exec"), names)
        elif _runs(block):
            for command in block.code.replace("\\\n", " ").splitlines():
                _carry_out(shlex.split(command, comments=True), f"{page.name}: {command}")


def _carry_out(words: list[str], where: str) -> None:
    if words[:1] == ["graphforget"]:
        assert graphforget(words[1:]) == 0, where
    elif words[:1] == ["recsys"]:
        assert recsys(words[1:]) == 0, where
    elif words[:3] == ["python", "-m", "experiments"]:
        assert experiments(words[3:]) == 0, where
    elif words[:1] == ["python"]:
        told = {"capture_output": True, "text": True, "env": os.environ | {"PYTHONPATH": str(ROOT)}}
        done = subprocess.run([sys.executable, *words[1:]], **told)
        assert done.returncode == 0, f"{where}\n{done.stderr}"
    else:
        assert not words, f"{where}: only graphforget, recsys and python are carried out here"


@pytest.mark.slow
def test_a_method_of_ones_own_is_found_once_installed(tmp_path):
    """The page's package, put where an installed one would be."""
    page = ROOT / "docs" / "add-your-own-method.md"
    titled = {block.title: block.code for block in blocks(page) if block.title}
    (tmp_path / "my_methods.py").write_text(titled["my_methods.py"])
    entry = re.search(r"graphforget\.plugins =\n\s+(.+)", titled["setup.cfg"])
    assert entry is not None
    info = tmp_path / "my_methods-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my-methods\nVersion: 1\n")
    (info / "entry_points.txt").write_text(f"[graphforget.plugins]\n{entry[1]}\n")
    code = (
        f"import sys; sys.path[:0] = [{str(tmp_path)!r}, {str(ROOT)!r}]\n"
        "from graphforget.cli import main; sys.exit(main(['methods']))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert told.returncode == 0, told.stderr
    assert re.search(r"^Shrink ", told.stdout, re.MULTILINE)


@pytest.mark.parametrize("page", TEXTS, ids=lambda page: page.stem)
def test_links_lead_somewhere(page: Path):
    missing = [link for link in links(page) if not (page.parent / link).exists()]
    assert not missing, f"{page.name} links to what is not there"
    for target, anchor in anchors(page):
        other = page.parent / target if target else page
        assert anchor in headings(other), f"{page.name}: no heading for {target}#{anchor}"


@pytest.mark.parametrize("page", TEXTS, ids=lambda page: page.stem)
def test_files_and_names_exist(page: Path):
    missing = [name for name in files(page) if not _is_there(name)]
    assert not missing, f"{page.name} names files that are not there"
    unknown = [name for name in names(page) if not _resolves(name)]
    assert not unknown, f"{page.name} names what cannot be imported"


def _is_there(name: str) -> bool:
    places = (ROOT, ROOT / "graphforget", ROOT / "recsys", ROOT / "docs")
    return any((place / name).exists() for place in places)


def _resolves(dotted: str) -> bool:
    """Whether a dotted path is a module, or leads into one attribute by attribute."""
    if dotted == "graphforget.plugins":  # a group of entry points
        return True
    package, _, rest = dotted.partition(".")
    thing = import_module(package)
    for part in rest.split("."):
        if not hasattr(thing, part):
            inside = hasattr(thing, "__path__") and find_spec(f"{thing.__name__}.{part}")
            if not inside:
                return False
            import_module(f"{thing.__name__}.{part}")
        thing = getattr(thing, part)
    return True


def test_the_readme_lists_the_methods_that_there_are():
    table = re.findall(r"^\| `(\w+)` \|", (ROOT / "README.md").read_text(), re.MULTILINE)
    listed = [name for name in table if name[0].isupper()]
    there = {*unlearn.__all__, *exact.__all__}
    assert set(listed) <= there and len(listed) == len(set(listed))


def test_modules_that_the_docs_run_exist():
    for page in GUIDES:
        for block in blocks(page):
            for line in block.code.replace("\\\n", " ").splitlines():
                if block.language == "bash" and line.startswith("python -m "):
                    assert find_spec(line.split()[2]), f"{page.name}: {line}"
