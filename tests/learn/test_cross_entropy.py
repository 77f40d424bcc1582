"""Training learns, repeats itself for a seed, and is the same as a plain loop."""

from __future__ import annotations

import pytest
import torch

from graphforget._lightning import pl
from graphforget.learn import CrossEntropy, CrossEntropyModule, trainer
from graphforget.learn.state import optimizer_state, restore_optimizer
from graphforget.learn.trainer import descend
from graphforget.nn import GAT, GCN, GIN, GraphSAGE, sparse_features
from graphforget.task import LinkPrediction, NodeClassification

TASK = NodeClassification(3)


def same(first, second):
    pairs = zip(first.parameters(), second.parameters(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("encoder", [GCN(16), GAT(16), GIN(16), GraphSAGE(16)])
def test_every_encoder_learns_the_planted_communities(tiny_graph, encoder):
    trained = CrossEntropy(encoder=encoder, epochs=60).fit(tiny_graph, TASK, seed=0)
    assert TASK.evaluate(trained.model, tiny_graph)["test_accuracy"] > 0.8
    assert not trained.model.training


@pytest.mark.parametrize("batch_nodes", [0, 30])
def test_double_precision_stays_double(tiny_graph, batch_nodes):
    tiny_graph.x = tiny_graph.x.double()
    learner = CrossEntropy(encoder=GCN(16), epochs=60, batch_nodes=batch_nodes)
    trained = learner.fit(tiny_graph, TASK, seed=0)
    assert all(p.dtype == torch.float64 for p in trained.model.parameters())
    assert TASK.evaluate(trained.model, tiny_graph)["test_accuracy"] > 0.8


def test_links_of_the_planted_communities_are_learnt(tiny_links):
    task = LinkPrediction(8)
    learner = CrossEntropy(encoder=GCN(16, dropout=0.0), epochs=100, weight_decay=0.0)
    untrained = learner.build(tiny_links, task, 0).eval()
    trained = learner.fit(tiny_links, task, seed=0)
    assert task.evaluate(trained.model, tiny_links)["test_auc"] > 0.65
    assert (
        task.loss(trained.model, tiny_links, torch.Generator().manual_seed(0))
        < task.loss(untrained, tiny_links, torch.Generator().manual_seed(0)) - 0.05
    )


@pytest.mark.parametrize("batch_nodes", [0, 20])
def test_a_seed_decides_everything(tiny_graph, batch_nodes):
    learner = CrossEntropy(encoder=GCN(8), epochs=5, batch_nodes=batch_nodes)
    first, again, other = (learner.fit(tiny_graph, TASK, seed).model for seed in (0, 0, 1))
    assert same(first, again) and not same(first, other)


def test_the_global_generator_is_left_alone(tiny_graph):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    CrossEntropy(encoder=GCN(8), epochs=3).fit(tiny_graph, TASK, seed=0)
    assert torch.equal(torch.get_rng_state(), before)


def test_lightning_gives_what_a_plain_loop_gives(tiny_graph):
    learner = CrossEntropy(encoder=GCN(8), epochs=20)
    model = learner.build(tiny_graph, TASK, seed=0)
    optimizer = learner.optimizer(model.parameters())
    model.train()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        for _ in range(20):
            optimizer.zero_grad()
            TASK.loss(model, tiny_graph, torch.Generator()).backward()
            optimizer.step()
    assert same(learner.fit(tiny_graph, TASK, seed=0).model, model)


def test_training_in_two_halves_with_the_state_restored_is_training_at_once(tiny_graph):
    learner = CrossEntropy(encoder=GCN(8, dropout=0.0), epochs=20, snapshots=(0.5,))
    whole = learner.fit(tiny_graph, TASK, seed=0)
    model = learner.build(tiny_graph, TASK, seed=0)
    taken = whole.snapshots[10]
    model.load_state_dict({k[6:]: v for k, v in taken.items() if k.startswith("model.")})
    optimizer = learner.optimizer(model.parameters())
    state = {k[10:]: v for k, v in taken.items() if k.startswith("optimizer.")}
    restore_optimizer(model, optimizer, state)
    descend(model, learner.objective(tiny_graph, TASK, 0), optimizer, 10, seed=0)
    assert same(model, whole.model)
    finished = optimizer_state(model, optimizer)
    assert all(torch.equal(finished[k], whole.optimizer[k]) for k in whole.optimizer)


def test_a_state_read_from_disk_follows_its_parameters_to_their_device():
    model = torch.nn.Linear(2, 1, device="meta")  # stands for any device but the CPU
    optimizer = torch.optim.Adam(model.parameters())
    state = {"weight.exp_avg": torch.ones(1, 2), "weight.step": torch.tensor(3.0)}
    restore_optimizer(model, optimizer, state)
    restored = optimizer.state[model.weight]
    assert restored["exp_avg"].device.type == "meta" and restored["step"].device.type == "cpu"


def test_a_model_comes_back_to_the_device_that_it_was_on(monkeypatch):
    class LeavesOnCPU:
        def fit(self, module, train_dataloaders):
            module.to_empty(device="cpu")

    monkeypatch.setattr(trainer, "quick_trainer", lambda *_: LeavesOnCPU())
    monkeypatch.setattr(trainer, "Generator", lambda device: torch.Generator())
    model = torch.nn.Linear(2, 1, device="meta")
    descend(model, lambda *_: None, torch.optim.Adam(model.parameters()), 1, seed=0)
    assert model.weight.device.type == "meta" and not model.training


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("batch_nodes", [0, 20])
def test_training_and_its_state_stay_on_the_gpu(tiny_graph, batch_nodes):
    learner = CrossEntropy(encoder=GCN(8), epochs=3, batch_nodes=batch_nodes)
    trained = learner.fit(tiny_graph.to("cuda"), TASK, seed=0)
    assert all(p.is_cuda for p in trained.model.parameters())
    assert all(v.is_cuda for k, v in trained.optimizer.items() if not k.endswith(".step"))


def test_batches_reach_what_the_whole_graph_reaches(tiny_graph):
    learner = CrossEntropy(encoder=GCN(16), epochs=60, batch_nodes=30)
    trained = learner.fit(tiny_graph, TASK, seed=0)
    assert TASK.evaluate(trained.model, tiny_graph)["test_accuracy"] > 0.8


def test_sparse_features_answer_as_dense_ones(tiny_graph):
    tiny_graph.x = torch.zeros(60, 30).scatter_(1, torch.arange(60)[:, None] % 30, 1.0)
    sparse = sparse_features(tiny_graph)
    assert sparse.x.layout == torch.sparse_csr and tiny_graph.x.layout == torch.strided
    model = GCN(8).build(30, 3, seed=0).eval()
    torch.testing.assert_close(
        model(sparse.x, sparse.edge_index), model(tiny_graph.x, tiny_graph.edge_index)
    )


def test_the_module_trains_in_a_trainer_of_the_users_own(tiny_graph, tmp_path):
    from graphforget.data.datamodule import GraphDataModule

    model = GCN(16).build(8, 3, seed=0)
    module = CrossEntropyModule(model, TASK)
    own = pl.Trainer(
        max_epochs=40, accelerator="cpu", enable_progress_bar=False, default_root_dir=tmp_path
    )
    own.fit(module, datamodule=GraphDataModule(tiny_graph))
    assert float(own.callback_metrics["val_accuracy"]) > 0.7
    own.save_checkpoint(tmp_path / "x.ckpt")
    assert torch.load(tmp_path / "x.ckpt", weights_only=True)["hyper_parameters"]["seed"] == 0
