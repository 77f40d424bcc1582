"""Labels are forgotten from the command line, and what supposes removed data says no."""

from __future__ import annotations

import pytest
import torch

from graphforget.callbacks import ForgetOnRequest
from graphforget.core.errors import UserError
from graphforget.request import ForgetRequest
from graphforget.request_file import to_json
from graphforget.task import NodeClassification
from graphforget.trained import Trained
from graphforget.unlearn.relabel import Relabel

METHOD = ("--method", "Relabel")


@pytest.fixture
def request_file(node_run, tmp_path):
    data = Trained.load(node_run).data
    nodes = data.train_mask.nonzero().flatten()[:4]
    path = tmp_path / "request.json"
    path.write_text(to_json(ForgetRequest("node", nodes)))
    return path


def test_a_run_without_the_labels_is_written(tell, node_run, request_file, tmp_path):
    words = ["forget", node_run, "--request", request_file, *METHOD]
    told = tell(*words, "--method.correct", "false", "--out", tmp_path / "run")
    assert told.code == 0, told.err
    before, after = Trained.load(node_run), Trained.load(tmp_path / "run")
    nodes = before.data.train_mask.nonzero().flatten()[:4]
    assert bool((after.data.y[nodes] == -1).all()) and not after.data.train_mask[nodes].any()
    assert torch.equal(after.data.x, before.data.x)
    assert torch.equal(after.data.edge_index, before.data.edge_index)
    assert after.history[-1].unlearner == Relabel(correct=False)
    assert not after.snapshots


def test_audits_say_that_they_are_about_removed_data(tell, node_run, request_file, tmp_path):
    words = ["forget", node_run, "--request", request_file, *METHOD, "--out", tmp_path / "run"]
    assert tell(*words).code == 0
    for full in ((), ("--full", "--models", "4")):
        told = tell("audit", tmp_path / "run", *full)
        assert told.code == 2
        assert "Relabel leaves what was named in the data" in told.err


def test_a_run_without_its_graph_is_refused(refused, node_run, request_file, tmp_path):
    words = ["forget", node_run, "--request", request_file, *METHOD, "--no-data"]
    assert "does not follow from the requests" in refused(*words, "--out", tmp_path / "run")


def test_training_that_goes_on_is_refused(tmp_path):
    with pytest.raises(UserError, match="use it after training"):
        ForgetOnRequest(tmp_path / "requests.jsonl", Relabel(), NodeClassification(3))


def test_it_is_listed_with_what_it_supports(tell):
    listed = {method["name"]: method for method in tell("methods", "--json").json["methods"]}
    assert listed["Relabel"]["supports"] == {"node": ["node", "feature"], "link": []}
