"""The dispatcher of `recsys`: quick help, a name of its own, its mistakes told in its name."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec

import pytest

import recsys.cli

HEAVY = ("torch", "torch_geometric", "pytorch_lightning", "lightning", "pandas", "sklearn", "ray")


@pytest.mark.parametrize(
    ("words", "code"), [(["--help"], 0), (["--version"], 0), ([], 2), (["selects"], 2)]
)
def test_top_level_imports_nothing_heavy(words, code):
    program = (
        "import sys; from recsys.cli import main; code = main(sys.argv[1:]); "
        f"print([name for name in {HEAVY!r} if name in sys.modules]); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True)
    assert done.returncode == code
    assert done.stdout.splitlines()[-1] == "[]"


def test_it_speaks_in_its_own_name(tell, refused):
    assert tell("--help").out.startswith("usage: recsys VERB")
    assert tell("--version").out.startswith("recsys ")
    assert "did you mean 'select'?" in refused("selects")
    assert "see recsys --help" in refused()


@pytest.mark.parametrize("verb", ["select", "bench", "demo"])
def test_verbs_have_help(tell, verb):
    told = tell(verb, "--help")
    assert told.code == 0 and told.out.startswith(f"usage: recsys {verb}")
    assert "--config" in told.out and "--json" in told.out


def test_every_verb_is_a_module_with_parser_and_run():
    for verb in recsys.cli.VERBS:
        if find_spec(f"recsys.commands.{verb}"):
            module = import_module(f"recsys.commands.{verb}")
            assert callable(module.parser) and callable(module.run)


def test_our_mistake_is_told_in_its_name(tell, monkeypatch):
    monkeypatch.setattr("recsys.cli.dispatched", lambda command, words: 1 / 0)
    told = tell("select")
    assert told.code == 1 and told.err.startswith("recsys: internal error: ZeroDivisionError")
    assert "fault of recsys" in told.err
