"""``--device`` places the work, and says plainly where that cannot be."""

from __future__ import annotations

import pytest
import torch

from graphforget.commands.devices import device_named
from tests.commands.conftest import QUICK, contents, graph_file


@pytest.fixture
def words(node_run, tmp_path):
    return {
        "train": ("train", "--data", graph_file(tmp_path), *QUICK, "--out", tmp_path / "run"),
        "forget": ("forget", node_run, "--sample", "nodes:1", "--method", "Unlink",
                   "--out", tmp_path / "run"),
        "audit": ("audit", node_run, "--out", tmp_path / "run"),
    }


@pytest.mark.parametrize("verb", ["train", "forget", "audit"])
@pytest.mark.parametrize("device", ["gpu", "cuda:x", "cuda:-1", "", "cpu:0", "CUDA"])
def test_what_is_no_device_is_refused(refused, words, verb, device):
    assert "--device" in refused(*words[verb], "--device", device)


@pytest.mark.skipif(torch.cuda.is_available(), reason="speaks of machines without CUDA")
@pytest.mark.parametrize("verb", ["train", "forget", "audit"])
def test_without_cuda_it_says_so_and_writes_nothing(refused, words, verb, tmp_path):
    before = contents(tmp_path)
    assert "no CUDA device" in refused(*words[verb], "--device", "cuda:0")
    assert contents(tmp_path) == before


def test_cpu_is_what_there_always_is(tell, words):
    assert tell(*words["train"], "--device", "cpu").code == 0
    assert device_named("cpu") == torch.device("cpu")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_the_three_verbs_on_a_graphics_processor(tell, tmp_path):
    data = graph_file(tmp_path)
    run, after = tmp_path / "run", tmp_path / "after"
    on = ("--device", "cuda")
    assert tell("train", "--data", data, *QUICK, "--out", run, *on).code == 0
    assert tell("forget", run, "--sample", "nodes:10%", "--out", after, *on).code == 0
    assert tell("audit", after, *on).code == 0
    assert tell("predict", after).code == 0  # written so that any machine can read it
