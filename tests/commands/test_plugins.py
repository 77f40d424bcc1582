"""Another package's method is used by its name, and only if it is installed as a plug-in."""

import dataclasses
import json
import os
import subprocess
import sys

import pytest

METHOD = '''
import copy
from dataclasses import dataclass
from graphforget.protocols import Unlearner

@dataclass(frozen=True)
class Shrug(Unlearner):
    """Do nothing, with a shrug."""

    shoulders: int = 2

    def forget(self, trained, request, seed):
        return trained.after(copy.deepcopy(trained.model), request, self, seed)
'''


@pytest.mark.slow
def test_a_plugin_is_listed_used_and_loaded_again(node_run, tmp_path):
    (tmp_path / "site" / "shrug-1.dist-info").mkdir(parents=True)
    (tmp_path / "site" / "shrug.py").write_text(METHOD)
    info = tmp_path / "site" / "shrug-1.dist-info"
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: shrug\nVersion: 1\n")
    names = info / "entry_points.txt"
    names.write_text("[graphforget.plugins]\nshrug = shrug:Shrug\n")

    def graphforget(*words):
        path = os.pathsep.join([str(tmp_path / "site"), *sys.path])
        command = [sys.executable, "-m", "graphforget", *map(str, words)]
        return subprocess.run(
            command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path}
        )

    listed = json.loads(graphforget("methods", "--json").stdout)["methods"]
    assert "Shrug" in [method["name"] for method in listed]
    words = ["forget", node_run, "--sample", "nodes:2", "--method", "Shrug"]
    done = graphforget(*words, "--method.shoulders", 1, "--out", tmp_path / "run")
    assert done.returncode == 0 and "Shrug(shoulders=1)" in done.stdout, done.stderr
    wrong = graphforget(*words, "--method.shoulders", "many", "--out", tmp_path / "no")
    assert wrong.returncode == 2 and "wanted int, got many" in wrong.stderr
    assert graphforget("predict", tmp_path / "run").returncode == 0
    names.unlink()
    done = graphforget("predict", tmp_path / "run")
    assert done.returncode == 2 and "'shrug.Shrug' may not be named" in done.stderr


def test_a_subclass_elsewhere_that_does_not_import_its_bases_types_is_no_hindrance():
    """Its fields are typed by names that only its base's module knows."""
    from graphforget.commands.classes import _hints
    from graphforget.learn import CrossEntropy
    from graphforget.nn import Encoder as Wanted

    child = dataclasses.dataclass(frozen=True)(type("Child", (CrossEntropy,), {}))
    assert _hints(child)["encoder"] is Wanted


def test_a_class_made_by_exec_is_no_hindrance():
    from graphforget.commands.classes import _hints

    code = (
        "from dataclasses import dataclass\n"
        "from graphforget.unlearn import Resume\n"
        "@dataclass(frozen=True)\n"
        "class Made(Resume):\n"
        "    times: int = 2\n"
    )
    names = {"__name__": "nowhere"}
    exec(code, names)
    assert _hints(names["Made"])["times"] is int
