"""Tasks agree with plain formulas, and score what they say they score."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from graphforget.core.errors import UserError
from graphforget.nn import GCN
from graphforget.request import ForgetRequest
from graphforget.task import LinkPrediction, NodeClassification


class Table(nn.Module):
    """A network that answers from a table, whatever the graph."""

    def __init__(self, output: torch.Tensor) -> None:
        super().__init__()
        self.output = nn.Parameter(output)

    def forward(self, x, edge_index):
        return self.output


def test_node_loss_is_the_mean_cross_entropy_of_labelled_training_nodes(tiny_graph):
    task = NodeClassification.of(tiny_graph)
    output = torch.randn(60, 3, generator=torch.Generator().manual_seed(0))
    tiny_graph.y[0] = -1
    mask = tiny_graph.train_mask & (tiny_graph.y >= 0)
    wanted = F.cross_entropy(output[mask], tiny_graph.y[mask])
    torch.testing.assert_close(task.loss(Table(output), tiny_graph, torch.Generator()), wanted)


def test_a_batch_without_training_nodes_costs_nothing(tiny_graph):
    tiny_graph.train_mask[:] = False
    model = Table(torch.randn(60, 3))
    loss = NodeClassification(3).loss(model, tiny_graph, torch.Generator())
    loss.backward()
    assert loss == 0 and (model.output.grad == 0).all()


def test_node_margin_is_log_odds_of_the_truth(tiny_graph):
    logits = torch.randn(5, 3)
    items = torch.tensor([0, 20, 40, 3, 21])
    p = logits.softmax(-1).gather(1, tiny_graph.y[items, None])[:, 0]
    margin = NodeClassification(3).margin(logits, tiny_graph, items)
    torch.testing.assert_close(margin, torch.log(p / (1 - p)))


@pytest.mark.parametrize(
    ("task", "shape"), [(NodeClassification(3), (7, 3)), (LinkPrediction(), (7,))]
)
def test_divergence_is_a_kl(task, shape):
    teacher, student = torch.randn(shape), torch.randn(shape)
    assert (task.divergence(teacher, student) > 0).all()
    torch.testing.assert_close(task.divergence(teacher, teacher), torch.zeros(7))
    if len(shape) == 1:
        p, q = teacher.sigmoid(), student.sigmoid()
        wanted = p * (p / q).log() + (1 - p) * ((1 - p) / (1 - q)).log()
    else:
        p, q = teacher.softmax(-1), student.softmax(-1)
        wanted = (p * (p / q).log()).sum(-1)
    torch.testing.assert_close(task.divergence(teacher, student), wanted)


def test_scores_of_a_perfect_and_of_a_wrong_classifier(tiny_graph):
    task = NodeClassification.of(tiny_graph)
    right = F.one_hot(tiny_graph.y, 3).float()
    scores = task.evaluate(Table(right), tiny_graph)
    assert scores == {"val_accuracy": 1.0, "test_accuracy": 1.0, "test_macro_f1": 1.0}
    assert task.evaluate(Table(right.roll(1, 1)), tiny_graph)["test_accuracy"] == 0.0


def test_link_loss_counts_each_edge_once_and_as_many_negatives(tiny_links):
    task = LinkPrediction(4)
    zero = Table(torch.zeros(60, 4))
    loss = task.loss(zero, tiny_links, torch.Generator().manual_seed(0))
    torch.testing.assert_close(loss, torch.tensor(2.0).log())
    assert task.train_items(tiny_links).size(1) * 2 == tiny_links.num_edges


def test_negatives_follow_the_generator(tiny_links):
    task, model = LinkPrediction(4), Table(torch.randn(60, 4))
    first, again, other = (
        task.loss(model, tiny_links, torch.Generator().manual_seed(s)) for s in (0, 0, 1)
    )
    assert first == again != other


def test_link_scores_of_a_model_that_knows_the_answer(tiny_links):
    output = torch.zeros(60, 60)
    for u, v in tiny_links.test_pos_edge_index.t().tolist():
        output[u, u] = output[v, v] = 1
        output[u, v] = output[v, u] = 10
    scores = LinkPrediction(60).evaluate(Table(output), tiny_links)
    assert scores["test_auc"] > 0.95 and scores["test_ap"] > 0.95


def test_embeddings_are_the_layers_outputs_before_activation(tiny_graph):
    model = GCN(hidden=5, layers=3, dropout=0.0).build(8, 3, seed=0).eval()
    found = NodeClassification(3).embeddings(model, tiny_graph)
    assert [tuple(h.shape) for h in found] == [(60, 5), (60, 5), (60, 3)]
    assert (found[0] < 0).any()
    torch.testing.assert_close(found[-1], model(tiny_graph.x, tiny_graph.edge_index))
    assert not any(layer._forward_hooks for layer in model.modules())


def test_items_that_a_request_touches(tiny_graph, tiny_links):
    u, v = tiny_links.edge_index[:, 0].tolist()
    link, node = LinkPrediction(), NodeClassification(3)
    edge = ForgetRequest("edge", [[u, v]])
    assert link.forgotten_items(edge, tiny_links).t().tolist() == [sorted([u, v])]
    assert node.forgotten_items(edge, tiny_graph).tolist() == sorted([u, v])
    touched = link.forgotten_items(ForgetRequest("node", [u]), tiny_links)
    assert (touched == u).any(0).all()
    assert touched.size(1) == (tiny_links.edge_index[0] == u).sum()


def test_data_that_do_not_fit_are_refused(tiny_graph, tiny_links):
    with pytest.raises(UserError, match="labels"):
        NodeClassification.of(tiny_links)
    with pytest.raises(UserError, match="below 2"):
        NodeClassification(2).check(tiny_graph)
    with pytest.raises(UserError, match="split_links"):
        LinkPrediction().check(tiny_graph)
    del tiny_links.val_neg_edge_index
    with pytest.raises(UserError, match="val_neg_edge_index"):
        LinkPrediction().check(tiny_links)
    tiny_graph.train_mask[:] = False
    with pytest.raises(UserError, match="train_mask"):
        NodeClassification(3).check(tiny_graph)
