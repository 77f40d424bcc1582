"""A run folder gives back the same model, whole, and nothing that could run code."""

from __future__ import annotations

import json
import pickle

import pytest
import torch
from torch import nn
from torch_geometric.nn import SAGEConv

from graphforget.core.errors import UserError
from graphforget.learn import CrossEntropy
from graphforget.nn import GAT, GCN, GIN, GraphSAGE
from graphforget.request import ForgetRequest
from graphforget.task import LinkPrediction, NodeClassification
from graphforget.trained import Trained
from graphforget.unlearn import Unlink

QUICK = CrossEntropy(encoder=GCN(hidden=8), epochs=10)


@pytest.mark.parametrize("encoder", [GCN(8), GAT(8, heads=2), GIN(8), GraphSAGE(8)])
def test_a_run_folder_gives_back_the_same_model(tmp_path, tiny_graph, encoder):
    trained = CrossEntropy(encoder=encoder, epochs=10).fit(tiny_graph, NodeClassification(3), 0)
    trained.save(tmp_path / "run", metrics={"test_accuracy": 0.5})
    loaded = Trained.load(tmp_path / "run")
    items = torch.arange(60)
    assert torch.equal(loaded.response(items), trained.response(items))
    assert loaded.learner == trained.learner and loaded.task == trained.task
    assert all(torch.equal(loaded.data[k], tiny_graph[k]) for k in tiny_graph.keys())
    assert set(loaded.optimizer) == set(trained.optimizer)
    assert set(loaded.snapshots) == set(trained.snapshots) == {5, 8, 9}
    assert json.loads((tmp_path / "run" / "metrics.json").read_text())["test_accuracy"] == 0.5


def test_links_come_back_with_their_split(tmp_path, tiny_links):
    trained = QUICK.fit(tiny_links, LinkPrediction(4), 0)
    trained.save(tmp_path / "run")
    loaded = Trained.load(tmp_path / "run")
    assert loaded.task.evaluate(loaded.model, loaded.data) == trained.task.evaluate(
        trained.model, tiny_links
    )


def test_without_data_the_graph_is_asked_for_and_checked(tmp_path, tiny_graph):
    QUICK.fit(tiny_graph, NodeClassification(3), 0).save(tmp_path / "run", with_data=False)
    with pytest.raises(UserError, match="without its data"):
        Trained.load(tmp_path / "run")
    Trained.load(tmp_path / "run", data=tiny_graph)
    other = ForgetRequest("feature", [0]).retained(tiny_graph)
    with pytest.raises(UserError, match="digest"):
        Trained.load(tmp_path / "run", data=other)


def test_an_existing_folder_is_never_overwritten(tmp_path, tiny_graph):
    trained = QUICK.fit(tiny_graph, NodeClassification(3), 0)
    trained.save(tmp_path / "run")
    before = (tmp_path / "run" / "model.safetensors").read_bytes()
    with pytest.raises(UserError):
        trained.save(tmp_path / "run")
    assert (tmp_path / "run" / "model.safetensors").read_bytes() == before


def step_by(unlearner):
    return {"digest": "x", "kind": "node", "size": 1, "unlearner": unlearner, "seed": 0}


def test_a_stray_file_among_the_snapshots_is_one_clear_error(tmp_path, tiny_graph):
    QUICK.fit(tiny_graph, NodeClassification(3), 0).save(tmp_path / "run")
    (tmp_path / "run" / "snapshots" / "epoch_last.safetensors").touch()
    with pytest.raises(UserError, match="epoch_last"):
        Trained.load(tmp_path / "run")


def test_a_tensor_in_both_files_of_the_graph_is_no_crash(tmp_path, tiny_graph):
    QUICK.fit(tiny_graph, NodeClassification(3), 0).save(tmp_path / "run")
    data = (tmp_path / "run" / "data.safetensors").read_bytes()
    (tmp_path / "run" / "split.safetensors").write_bytes(data)
    with pytest.raises(UserError, match="digest"):
        Trained.load(tmp_path / "run")


class Bomb:
    def __reduce__(self):
        return (exec, ("raise SystemExit('a pickle was run')",))


@pytest.mark.parametrize("name", ["model", "data", "split", "optimizer"])
def test_a_pickle_in_a_run_folder_is_refused_and_not_run(tmp_path, tiny_graph, name):
    QUICK.fit(tiny_graph, NodeClassification(3), 0).save(tmp_path / "run")
    (tmp_path / "run" / f"{name}.safetensors").write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(UserError, match=f"{name}.safetensors"):
        Trained.load(tmp_path / "run")


@pytest.mark.parametrize(
    "damage",
    [
        lambda c: c.update(schema=99),
        lambda c: c.pop("task"),
        lambda c: c["task"].update({"class": "os.system"}),
        lambda c: c["task"].update(num_classes="three"),
        lambda c: c["task"].update(surprise=1),
        lambda c: c["learner"].update({"class": "graphforget.task.NodeClassification"}),
        lambda c: c.update(history=[{"digest": "x"}]),
        lambda c: c.update(seed=None),
        lambda c: c.update(seed=float("inf")),
        lambda c: c.update(history=[step_by(c["task"])]),
    ],
)
def test_a_damaged_configuration_is_one_clear_error(tmp_path, tiny_graph, damage):
    QUICK.fit(tiny_graph, NodeClassification(3), 0).save(tmp_path / "run")
    path = tmp_path / "run" / "config.json"
    config = json.loads(path.read_text())
    damage(config)
    path.write_text(json.dumps(config))
    with pytest.raises(UserError):
        Trained.load(tmp_path / "run")


def test_changed_data_are_noticed(tmp_path, tiny_graph):
    from safetensors.torch import load_file, save_file

    QUICK.fit(tiny_graph, NodeClassification(3), 0).save(tmp_path / "run")
    path = tmp_path / "run" / "data.safetensors"
    tensors = load_file(path)
    tensors["x"][0, 0] += 1
    save_file(tensors, path)
    with pytest.raises(UserError, match="digest"):
        Trained.load(tmp_path / "run")


class Own(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = SAGEConv(8, 6), SAGEConv(6, 3)

    def forward(self, x, edge_index):
        return self.second(self.first(x, edge_index).relu(), edge_index)


def test_a_module_of_ones_own_is_wrapped_saved_and_loaded(tmp_path, tiny_graph):
    trained = Trained.wrap(Own(), tiny_graph, NodeClassification(3))
    trained.save(tmp_path / "run")
    with pytest.raises(UserError, match="model="):
        Trained.load(tmp_path / "run")
    loaded = Trained.load(tmp_path / "run", model=Own())
    assert torch.equal(loaded.response(torch.arange(60)), trained.response(torch.arange(60)))


def test_wrapping_leaves_the_module_in_its_mode_and_shares_its_weights(tiny_graph):
    module = Own().train()
    module.second.eval()
    trained = Trained.wrap(module, tiny_graph, NodeClassification(3))
    assert module.training and module.first.training and not module.second.training
    assert not any(part.training for part in trained.model.modules())
    with torch.no_grad():
        module.second.lin_l.bias.add_(1.0)
    assert torch.equal(trained.model.second.lin_l.bias, module.second.lin_l.bias)


def test_an_output_that_the_task_cannot_read_is_refused(tiny_graph, tiny_links):
    with pytest.raises(UserError, match=r"of 5 columns, got shape \(60, 3\)"):
        Trained.wrap(Own(), tiny_graph, NodeClassification(5))
    assert Trained.wrap(Own(), tiny_links, LinkPrediction(64)).data is tiny_links


def test_names_of_nodes_come_back_and_those_of_the_forgotten_do_not(tmp_path, tiny_graph):
    tiny_graph.node_id = [f"person-{place}" for place in range(60)]
    trained = QUICK.fit(tiny_graph, NodeClassification(3), 0)
    after = Unlink()(trained, ForgetRequest("node", [7]))
    after.save(tmp_path / "run")
    names = Trained.load(tmp_path / "run").data.node_id
    assert names[6:9] == ["person-6", "", "person-8"] and trained.data.node_id[7] == "person-7"
    texts = [path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()]
    assert not any(b'"person-7"' in text for text in texts)
    for damaged in ({"node_id": names[1:]}, {"node_id": [1] * 60}, {}):
        (tmp_path / "run" / "node_ids.json").write_text(json.dumps(damaged))
        with pytest.raises(UserError, match="node_ids.json"):
            Trained.load(tmp_path / "run")


@pytest.mark.parametrize("module", [nn.Linear(8, 3), SAGEConv(5, 3)])
def test_a_module_that_does_not_answer_on_the_graph_is_refused(tiny_graph, module):
    with pytest.raises(UserError, match="forward"):
        Trained.wrap(module, tiny_graph, NodeClassification(3))
