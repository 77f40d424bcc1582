"""GNNDelete: freeze the weights, learn a small operator at the nodes that a request affects."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn
from torch_geometric.data import Data

from graphforget.core.errors import UserError
from graphforget.core.neighborhood import Adjacency, induced
from graphforget.learn.trainer import descend
from graphforget.protocols import Unlearner
from graphforget.removal import pair_codes
from graphforget.request import ForgetRequest
from graphforget.task.links import random_pairs
from graphforget.trained import Trained
from graphforget.unlearn.continued import check_descent
from graphforget.unlearn.deletion import Deletion, fixed_first_layer, layer_outputs
from graphforget.unlearn.views import message_passing


@dataclass(frozen=True)
class GNNDelete(Unlearner):
    """Learn one deletion operator a layer (Cheng et al., GNNDelete, ICLR 2023).

    The operator of layer ``l`` acts on the nodes within ``l`` hops of the deleted edges. Its loss,
    equations 5 to 7, is ``balance * DEC + (1 - balance) * NI``: deleted edge consistency pulls the
    ends of deleted edges to those of random unlinked pairs, neighbourhood influence holds the
    other nodes at what the original weights say on the graph without the edges. Each layer has
    its own loss and optimiser, and no gradient flows between layers. The edges of a node, feature
    or class request are those that touch it.

    The defaults are the published preset. One thing of the published code is left out: it walks
    hops along one direction of each edge only and so finds about half of the affected nodes;
    here hops follow edges both ways. Features that must be forgotten are zero from the start.

    Args:
        steps: number of steps; the published script takes 1500.
        learning_rate: of Adam.
        balance: share of deleted edge consistency, the paper's lambda.
        initial: constant that the operators start from, 1/1000 in the published code.
    """

    steps: int = 1500
    learning_rate: float = 1e-3
    balance: float = 0.5
    initial: float = 1e-3

    def __post_init__(self) -> None:
        check_descent("GNNDelete", self.steps, self.learning_rate)
        if not 0 <= self.balance <= 1:
            raise UserError(f"GNNDelete: balance: wanted a share from 0 to 1, got {self.balance!r}")

    def supports(self, trained: Trained, request: ForgetRequest) -> str | None:
        if not message_passing(trained.model):
            return (
                "the model has no message-passing layer of torch_geometric to put an operator "
                "behind; use Resume or FineTune"
            )
        if trained.learner is not None and trained.learner.transductive:
            return (
                "operators are learned on a part of the graph, and the model has weights for "
                "every node, so it answers on the whole graph only; use Resume or D2DGN"
            )
        if deleted_pairs(request, trained.data).numel() == 0:
            return (
                f"no edge of the graph belongs to the {request.size} {request.kind} ids named, "
                "and deletion operators are learned from edges; use Unlink or Resume"
            )
        return None

    def forget(self, trained: Trained, request: ForgetRequest, seed: int) -> Trained:
        data, retained = trained.data, request.retained(trained.data)
        pairs = deleted_pairs(request, data)
        inner = copy.deepcopy(trained.model)
        targets = layer_outputs(inner, retained.x, retained.edge_index)
        masks = _reach(data, pairs, len(targets))
        whole = Deletion(inner, masks, [target.size(1) for target in targets], self.initial)

        nodes = masks.any(0).nonzero().flatten()
        graph = Data(x=retained.x, edge_index=data.edge_index, num_nodes=data.num_nodes)
        part = induced(graph, nodes)
        local = whole.cut(nodes)
        generator = Generator(device=data.x.device).manual_seed(seed)
        strangers = unlinked_pairs(retained, pairs.size(1), generator)
        ends = torch.searchsorted(nodes, pairs)

        def loss(local: nn.Module, generator: Generator) -> Tensor:
            assert isinstance(local, Deletion)
            local.eval()  # frozen layers answer as they will when asked
            outputs = layer_outputs(local.model, part.x, part.edge_index, local.operate)
            losses = []
            for layer, (output, target) in enumerate(zip(outputs, targets, strict=True)):
                changed = local.operate(layer, output)
                near = local.masks[layer].index_fill(0, ends.flatten(), False)
                consistent = F.mse_loss(changed[ends], target[strangers])
                held = (changed[near] - target[nodes][near]).square().sum()
                held = held / max(1, int(near.sum()) * target.size(1))
                losses.append(self.balance * consistent + (1 - self.balance) * held)
            return torch.stack(losses).sum()

        optimizer = torch.optim.Adam(whole.operators.parameters(), lr=self.learning_rate)
        with fixed_first_layer(inner):
            descend(local, loss, optimizer, self.steps, seed)
        return trained.after(whole, request, self, seed)

    def wrap(self, model: nn.Module, data: Data) -> nn.Module:
        outputs = layer_outputs(model, data.x, data.edge_index)
        masks = torch.zeros(len(outputs), data.num_nodes, dtype=torch.bool, device=data.x.device)
        return Deletion(model, masks, [output.size(1) for output in outputs], self.initial)


def deleted_pairs(request: ForgetRequest, data: Data) -> Tensor:
    """Edges that a request names or touches, one direction and once each, shape ``(2, K)``."""
    low, high = data.edge_index.amin(0), data.edge_index.amax(0)
    kind, ids = request.named(data)
    if kind == "edge":
        named = pair_codes(ids, data.num_nodes)
        touched = torch.isin(pair_codes(data.edge_index, data.num_nodes), named)
    else:
        touched = torch.isin(data.edge_index, request.nodes(data).to(low.device)).any(0)
    return torch.stack([low, high])[:, touched].unique(dim=1).contiguous()


def unlinked_pairs(data: Data, count: int, generator: Generator) -> Tensor:
    """Random pairs of nodes without an edge, as far as there are any, shape ``(2, count)``."""
    pairs = random_pairs(data, 4 * count + 16, generator)
    edges = pair_codes(data.edge_index, data.num_nodes)
    linked = torch.isin(pair_codes(pairs, data.num_nodes), edges) | (pairs[0] == pairs[1])
    return pairs[:, linked.int().argsort(stable=True)[:count]]


def _reach(data: Data, pairs: Tensor, layers: int) -> Tensor:
    """For each layer ``l``, the nodes within ``l`` hops of the pairs: bool, shape ``(L, N)``."""
    both_ways = torch.cat([data.edge_index, data.edge_index.flip(0)], dim=1)
    adjacency = Adjacency.of(both_ways, data.num_nodes)
    masks = torch.zeros(layers, data.num_nodes, dtype=torch.bool, device=pairs.device)
    for layer, mask in enumerate(masks, start=1):
        mask[adjacency.khop(pairs.unique(), layer)] = True
    return masks
