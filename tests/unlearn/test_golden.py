"""Published settings on real data behave as they were measured: ranges, not numbers.

The reference figures are those of specs/d2dgn.md sections 6.1 and 6.2: Cora, link prediction by a
GCN of widths 128 and 64, 2.5% of the training edges from the neighbourhood of the test edges.
"""

from __future__ import annotations

import pytest
import torch
from torch_geometric.transforms import NormalizeFeatures
from torchmetrics.functional import auroc

from graphforget.data.graphs import load_graph
from graphforget.data.sample_edges import edges_near_test
from graphforget.data.split import split_links
from graphforget.learn import CrossEntropy
from graphforget.nn import GCN
from graphforget.task import LinkPrediction
from graphforget.unlearn import GNNDelete, Unlink

TASK = LinkPrediction(64)


def forget_auc(after, request, seed):
    """AUC of retained edges over as many forgotten ones, mean over 50 draws of the retained."""
    forgotten, kept = after.response(request.tensor), after.response(TASK.train_items(after.data))
    generator = torch.Generator().manual_seed(seed)
    truth = torch.arange(2 * request.size) // request.size
    draws = [torch.randperm(len(kept), generator=generator)[: request.size] for _ in range(50)]
    scores = [auroc(torch.cat([forgotten, kept[draw]]), truth, task="binary") for draw in draws]
    return float(torch.stack(scores).mean())


@pytest.mark.slow
def test_the_published_gnndelete_on_cora(data_root):
    data = split_links(NormalizeFeatures()(load_graph("cora", root=data_root)), seed=42)
    encoder = GCN(hidden=128, dropout=0.0)
    # half of the published 2000 epochs at twice the rate; GNNDelete at its published 1500 steps
    learner = CrossEntropy(encoder, epochs=1000, learning_rate=2e-3, weight_decay=0.0)
    trained = learner.fit(data, TASK, seed=42)
    request = edges_near_test(data, round(0.025 * TASK.train_items(data).size(1)), seed=42)
    results = {}
    for method in (Unlink(), GNNDelete()):
        after = method(trained, request, seed=42)
        auc = TASK.evaluate(after.model, after.data)["test_auc"]
        results[type(method).__name__] = auc, forget_auc(after, request, seed=0)
    assert 0.88 < results["Unlink"][0] < 0.94 and 0.5 < results["Unlink"][1] < 0.7
    assert 0.85 < results["GNNDelete"][0] < 0.91  # measured .880 +- .007
    assert 0.80 < results["GNNDelete"][1] < 0.93  # measured .843 +- .010, published code .856
