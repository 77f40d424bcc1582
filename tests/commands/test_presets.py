"""Named settings are given like class names, and may be changed field by field."""

from __future__ import annotations

from dataclasses import replace

import pytest

from graphforget.commands import forget
from graphforget.commands.parsing import parse
from graphforget.commands.presets import presets


def method(*words: str):
    return parse(forget.parser(), ["run", "--sample", "nodes:1", "--out", "x", *words]).method


@pytest.mark.parametrize("name", sorted(presets()))
def test_a_preset_is_built_by_its_name(name):
    assert method("--method", name) == presets()[name]
    assert method(f"--method={name}") == presets()[name]


def test_fields_of_a_preset_can_be_changed():
    found = method("--method", "PUBLISHED", "--method.alpha", "0.25", "--method.solver.steps", "7")
    published = presets()["PUBLISHED"]
    assert found == replace(published, alpha=0.25, solver=replace(published.solver, steps=7))


def test_a_preset_forgets_and_is_what_the_run_remembers(tell, node_run, tmp_path):
    words = ("forget", node_run, "--sample", "nodes:1", "--method", "PUBLISHED")
    assert tell(*words, "--method.solver.steps", 3, "--out", tmp_path / "run").code == 0
    assert "Untrained" in (tmp_path / "run" / "config.json").read_text()


def test_methods_names_them(tell):
    assert {"PUBLISHED", "LABEL_FREE"} <= set(tell("methods", "--json").json["presets"])
    assert "PUBLISHED" in tell("methods").out
