"""Cut graphs give the same answers, and batches bring the original's answers along."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

import pytest
import torch

from graphforget.learn import CrossEntropy
from graphforget.nn import GAT, GCN, GIN, GraphSAGE
from graphforget.task import LinkPrediction, NodeClassification
from graphforget.trained import Trained
from graphforget.unlearn.views import answered, around, questions


@pytest.fixture
def path(tiny_graph):
    """Sixty nodes in a row: a cut is far smaller than the graph."""
    node = torch.arange(59)
    along = torch.stack([node, node + 1])
    tiny_graph.edge_index = torch.cat([along, along.flip(0)], dim=1)
    return tiny_graph


@pytest.mark.parametrize("encoder", [GCN(8), GAT(8), GIN(8), GraphSAGE(8)])
def test_items_get_their_answers_from_the_cut(path, encoder):
    learner, task = CrossEntropy(encoder=encoder, batch_nodes=20), NodeClassification(3)
    trained = Trained(learner.build(path, task, 0), path, task, learner)
    items = torch.tensor([30, 7])
    part, inside = around(trained, items)
    assert part.num_nodes == 14  # three hops both ways from each
    torch.testing.assert_close(task.response(trained.model, part, inside), trained.response(items))


def test_without_batches_the_graph_stays_whole(path):
    learner, task = CrossEntropy(encoder=GCN(8)), NodeClassification(3)
    trained = Trained(learner.build(path, task, 0), path, task, learner)
    items = torch.tensor([30])
    part, inside = around(trained, items)
    assert part is path and inside is items


@pytest.mark.parametrize("batch_nodes", [0, 20])
def test_graphs_come_with_the_original_answers(path, batch_nodes):
    learner, task = CrossEntropy(encoder=GCN(8), batch_nodes=batch_nodes), NodeClassification(3)
    trained = Trained(learner.build(path, task, 0), path, task, learner)
    for data, output in islice(answered(trained, path, 0), 5):
        assert torch.equal(output, trained.model(data.x, data.edge_index))
        assert not output.requires_grad
        assert (data.num_nodes < 60) == bool(batch_nodes)


def test_questions_are_a_share_of_the_items_and_for_links_as_many_strangers(tiny_graph, tiny_links):
    generator = torch.Generator().manual_seed(0)
    nodes = questions(NodeClassification(3), tiny_graph, 0.3, generator)
    assert nodes.shape == (9,) and tiny_graph.train_mask[nodes].all()
    edges = tiny_links.edge_index.size(1) // 2
    assert questions(LinkPrediction(8), tiny_links, 1.0, generator).shape == (2, 2 * edges)
    bare = replace(LinkPrediction(8))
    tiny_links.edge_index = tiny_links.edge_index[:, :0]
    assert questions(bare, tiny_links, 1.0, generator).shape == (2, 0)


def test_bags_of_words_are_multiplied_sparsely_and_answer_the_same(path):
    path.x = torch.eye(60)
    learner, task = CrossEntropy(encoder=GCN(8)), NodeClassification(3)
    trained = Trained(learner.build(path, task, 0), path, task, learner)
    part, items = around(trained, torch.arange(60))
    assert part.x.layout == torch.sparse_csr and path.x.layout == torch.strided
    torch.testing.assert_close(task.response(trained.model, part, items), trained.response(items))
