import subprocess
import sys

import pytest

from graphforget import cli

HEAVY = ("torch", "torch_geometric", "pytorch_lightning", "lightning", "pandas", "ray")


@pytest.mark.parametrize(
    ("words", "code"),
    [(["--help"], 0), (["-h"], 0), (["--version"], 0), ([], 2), (["trian"], 2), (["--nope"], 2)],
)
def test_top_level_imports_nothing_heavy(words, code):
    program = (
        "import sys; from graphforget.cli import main; code = main(sys.argv[1:]); "
        f"print([name for name in {HEAVY!r} if name in sys.modules]); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True)
    assert done.returncode == code
    assert done.stdout.splitlines()[-1] == "[]"


def test_every_verb_has_help(tell):
    for verb in cli.VERBS:
        told = tell(verb, "--help")
        assert told.code == 0
        assert told.out.startswith(f"usage: graphforget {verb}")
        assert "--config" in told.out and "--json" in told.out


def test_help_names_every_verb(tell):
    told = tell("--help")
    assert all(f"  {verb} " in told.out for verb in cli.VERBS)


def test_a_verb_that_is_not_there_is_refused_with_the_nearest(refused):
    assert "did you mean 'train'?" in refused("trian")
    assert "wanted a verb" in refused()


def test_our_mistake_is_one_line_and_code_1(tell, monkeypatch):
    monkeypatch.setattr(cli, "_dispatch", lambda words: 1 / 0)
    told = tell("train")
    assert told.code == 1
    assert told.err.count("\n") == 1
    assert "ZeroDivisionError" in told.err and "--debug" in told.err


def test_debug_shows_the_traceback(tell, monkeypatch):
    monkeypatch.setattr(cli, "_dispatch", lambda words: 1 / 0)
    assert "Traceback" in tell("train", "--debug").err


def test_an_interrupt_is_no_traceback(tell, monkeypatch):
    def interrupt(words):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "_dispatch", interrupt)
    told = tell("train")
    assert told.code == 130 and told.err.count("\n") == 1


def test_a_file_system_error_names_the_path(tell, monkeypatch):
    def full(words):
        raise OSError(28, "No space left on device", "/full/run")

    monkeypatch.setattr(cli, "_dispatch", full)
    told = tell("train")
    assert told.code == 2 and "/full/run: No space left on device" in told.err
