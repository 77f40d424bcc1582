"""Stage files: addresses tell stages apart, damage is told, and what is destroyed is gone."""

from __future__ import annotations

import pytest
import torch

from graphforget.core.errors import UserError
from graphforget.exact.graph_recipe import StackedStages
from graphforget.exact.stage_files import StageFiles, stage_address

STATE = {"head.weight": torch.arange(6.0).reshape(2, 3), "bias": torch.zeros(3)}
ADDRESS = "ab" * 32
ASKED = {
    "recipe": StackedStages(3), "seed": 0, "shard": 1, "path": (0, 2), "rows": "r",
    "before": ("b",), "environment": {"torch": "2"},
}


@pytest.fixture
def files(tmp_path) -> StageFiles:
    files = StageFiles(tmp_path)
    files.save(1, (0, 2), ADDRESS, STATE)
    return files


def test_there_and_back(files):
    loaded = files.load(1, ADDRESS)
    assert loaded.keys() == STATE.keys()
    assert all(torch.equal(loaded[name], STATE[name]) for name in STATE)
    assert files.addresses(1) == [ADDRESS] and files.addresses(0) == []
    assert files.header(1, ADDRESS)["path"] == "[0, 2]"


def test_a_stage_that_learnt_nothing(files):
    files.save(0, (1,), ADDRESS, {})
    assert files.load(0, ADDRESS) == {}


@pytest.mark.parametrize("name, value", [
    ("recipe", StackedStages(3, epochs=7)), ("seed", 1), ("shard", 2), ("path", (2, 0)),
    ("rows", "s"), ("before", ()), ("environment", {"torch": "3"}),
])
def test_whatever_a_stage_is_made_from_is_in_its_address(name, value):
    assert stage_address(**ASKED) != stage_address(**(ASKED | {name: value}))
    assert stage_address(**ASKED) == stage_address(**ASKED)


@pytest.mark.parametrize("damage", ["flip", "tear", "empty", "exchange", "remove"])
def test_damage_is_told_with_shard_and_stage(files, damage):
    path = files.path(1, ADDRESS)
    content = bytearray(path.read_bytes())
    other = "cd" * 32
    match damage:
        case "flip":
            content[-1] ^= 1
        case "tear":
            del content[-5:]
        case "empty":
            content.clear()
    path.write_bytes(content)
    if damage == "remove":
        path.unlink()
    asked = ADDRESS
    if damage == "exchange":
        files.path(1, ADDRESS).rename(files.path(1, other))
        asked = other
    with pytest.raises(UserError, match="shard 1, stage .*repair"):
        files.load(1, asked)


def test_what_is_destroyed_is_gone(files):
    assert files.destroy(1, ADDRESS) and not files.destroy(1, ADDRESS)
    assert not files.has(1, ADDRESS) and files.addresses(1) == []
