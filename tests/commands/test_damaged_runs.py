import json
import pickle
import shutil

import pytest
import torch

FORGET = ("--sample", "nodes:1", "--method", "Unlink")


class Bomb:
    """Runs code when it is unpickled."""

    def __reduce__(self):
        return exec, ("open('exploded', 'w').close()",)


@pytest.fixture
def copy_of(node_run, tmp_path):
    shutil.copytree(node_run, tmp_path / "run")
    return tmp_path / "run"


@pytest.mark.parametrize("name", ["model", "data", "split", "optimizer"])
@pytest.mark.parametrize("how", ["pickle", "torch"])
def test_pickled_code_is_refused_and_not_run(refused, copy_of, tmp_path, monkeypatch, name, how):
    monkeypatch.chdir(tmp_path)
    with open(copy_of / f"{name}.safetensors", "wb") as file:
        pickle.dump(Bomb(), file) if how == "pickle" else torch.save(Bomb(), file)
    says = refused("forget", copy_of, *FORGET, "--out", tmp_path / "out")
    assert f"{name}.safetensors" in says and "pickle" in says
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize("name", ["config.json", "data.json", "metrics.json"])
@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"\xff", b"[" * 100_000, b"null"])
def test_damaged_json_is_refused(refused, copy_of, tmp_path, name, text):
    (copy_of / "data.safetensors").unlink()  # so that each of the files is needed
    (copy_of / name).write_bytes(text)
    assert name in refused("predict", copy_of)


@pytest.mark.parametrize(
    "name", ["config.json", "data.json", "model.safetensors", "split.safetensors"]
)
def test_a_missing_file_is_named(refused, copy_of, name):
    (copy_of / name).unlink()
    assert name in refused("predict", copy_of)


@pytest.mark.parametrize(
    "change",
    [
        {"schema": 99},
        {"task": {"class": "os.system", "command": "touch exploded"}},
        {"task": {"class": "graphforget.core.pool.LocalPool"}},
        {"learner": {"class": "subprocess.Popen", "args": ["touch", "exploded"]}},
        {"learner": {"class": "graphforget.learn.cross_entropy.CrossEntropy", "colour": 1}},
        {"learner": {"class": "graphforget.learn.cross_entropy.CrossEntropy", "epochs": -1}},
        {"history": [{"digest": 1}]},
        {"seed": "x"},
    ],
)
def test_a_hostile_configuration_is_refused(refused, copy_of, tmp_path, monkeypatch, change):
    monkeypatch.chdir(tmp_path)
    config = json.loads((copy_of / "config.json").read_text())
    (copy_of / "config.json").write_text(json.dumps(config | change))
    refused("forget", copy_of, *FORGET, "--out", tmp_path / "out")


def test_truncated_weights_are_refused(refused, copy_of):
    weights = copy_of / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    assert "model.safetensors" in refused("predict", copy_of)


@pytest.mark.parametrize("verb", ["forget", "audit", "predict"])
def test_what_is_no_run_is_refused(refused, tmp_path, verb):
    words = [*FORGET, "--out", tmp_path / "out"] if verb == "forget" else []
    assert "run folder" in refused(verb, tmp_path / "nowhere", *words)
    (tmp_path / "empty").mkdir()
    assert "wanted a run folder" in refused(verb, tmp_path / "empty", *words)
