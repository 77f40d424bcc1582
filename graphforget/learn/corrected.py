"""Corrected labels: what the label of each labelled node should be, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch_geometric.data import Data
from torch_geometric.nn import MessagePassing

from graphforget.learn.aside import aside
from graphforget.learn.checks import classes_of
from graphforget.learn.erase.network import ERASENetwork, representations
from graphforget.learn.semantic import SemanticLabels, prototypes, similarity
from graphforget.trained import Trained

SHARP_MODEL, SHARP_LABELS = 3.0, 10.0
"""How much the two kinds of evidence count: chosen on Cora with 30% wrong labels, where they
tell wrong labels from right ones best and the mean confidence is near the share of right ones."""


@dataclass(frozen=True, eq=False)
class CorrectedLabels:
    """The labelled nodes, with the labels they have and should have; all of shape ``(M,)``.

    Args:
        node: ids, ascending.
        given: labels as they came.
        corrected: the likeliest labels.
        confidence: probability of the corrected label, from 0 to 1.
        doubt: probability that the given label is wrong, from 0 to 1.
    """

    node: Tensor
    given: Tensor
    corrected: Tensor
    confidence: Tensor
    doubt: Tensor

    def suspects(self) -> Tensor:
        """Places of the labels that should be others, the most doubtful first, shape ``(S,)``."""
        places = (self.given != self.corrected).nonzero().flatten()
        return places[self.doubt[places].argsort(descending=True, stable=True)]

    def frame(self, data: Data | None = None) -> pd.DataFrame:
        """A table ``node, given, corrected, confidence, doubt``, one row a labelled node.

        Args:
            data: the graph; if its nodes have names of the user's own, they are a column
                ``node_id``.
        """
        columns = {name: getattr(self, name).cpu().numpy() for name in _COLUMNS}
        table = pd.DataFrame(columns)
        names = None if data is None else data.get("node_id")
        if names is not None:
            listed = names.tolist() if isinstance(names, Tensor) else list(names)
            table.insert(1, "node_id", [listed[node] for node in self.node.tolist()])
        return table


def corrected_labels(trained: Trained, labels: SemanticLabels | None = None) -> CorrectedLabels:
    """Correct the labels of a trained model's training and validation nodes.

    Two kinds of evidence are multiplied: how close a node's representation is to the mean of the
    nodes that the model itself puts into each class, and the semantic labels (erase_graph.md 1.3)
    that all given labels together suggest. Model and data say all; it works for any model of
    nodes, and best for one that has not learnt its labels by heart, as of `ERASE`.

    Args:
        trained: a model that classifies nodes.
        labels: how semantic labels are made; by default the learner's, or the published ones.

    Raises:
        UserError: the task is another, or no node has a label.

    >>> from graphforget.nn import GCN
    >>> from graphforget.task import NodeClassification
    >>> data = Data(x=torch.eye(4), edge_index=torch.tensor([[0, 1, 2, 3], [1, 0, 3, 2]]),
    ...             y=torch.tensor([0, 0, 1, -1]), train_mask=torch.tensor([True] * 4))
    >>> model = GCN(8).build(4, 2, seed=0)
    >>> corrected_labels(Trained(model, data, NodeClassification(2))).node
    tensor([0, 1, 2])
    """
    data = trained.data
    share = beliefs(trained, labels)
    nodes = (_known(data) & (data.y >= 0)).nonzero().flatten()
    share, given = share[nodes], data.y[nodes]
    best = share.max(1)
    doubt = 1 - share.gather(1, given[:, None]).squeeze(1)
    return CorrectedLabels(nodes, given, best.indices, best.values, doubt.clamp(0, 1))


def beliefs(trained: Trained, labels: SemanticLabels | None = None) -> Tensor:
    """How likely each class is for each node, shape ``(N, K)``, by the evidence above.

    Nodes without a label in training or validation are judged by model, features and neighbours.

    Args:
        trained: a model that classifies nodes.
        labels: as for `corrected_labels`.

    Raises:
        UserError: the task is another, or no node has a label.
    """
    data, classes = trained.data, classes_of("corrected labels", trained.task)
    semantic = labels or getattr(trained.learner, "labels", None) or SemanticLabels()
    z, answers = read(trained.model, data)
    with torch.no_grad():
        own, _ = prototypes(z, answers.argmax(1), classes)
        model = F.log_softmax(SHARP_MODEL * similarity(z, own), dim=1)
        every = Data(y=data.y, edge_index=data.edge_index, train_mask=_known(data))
        matrix = semantic.operator.matrix(data.edge_index, int(data.num_nodes or 0))
        soft = semantic(z, semantic.structural(every, classes), matrix)
        told = F.normalize(soft, p=1.0, dim=1).clamp(min=1e-6).log()
        return (model + SHARP_LABELS * told).softmax(1)


def _known(data: Data) -> Tensor:
    """Nodes whose labels training or validation may use, bool, shape ``(N,)``."""
    return data.train_mask | data.get("val_mask", torch.zeros_like(data.train_mask))


def read(model: nn.Module, data: Data) -> tuple[Tensor, Tensor]:
    """Representations of unit length, shape ``(N, d)``, and logits, ``(N, C)``, in eval mode.

    Representations are those of ERASE's network, or, of another, what its last message-passing
    layer gets; logits themselves where there is no such layer or only one.
    """
    with aside(model):
        if any(isinstance(module, ERASENetwork) for module in model.modules()):
            z = representations(model, data.x, data.edge_index)
            return F.normalize(z, dim=1), model(data.x, data.edge_index)
        seen: list[Tensor] = []
        layers = [module for module in model.modules() if isinstance(module, MessagePassing)]
        hooks = [
            layer.register_forward_pre_hook(lambda _layer, inputs: seen.append(inputs[0]))
            for layer in layers
        ]
        try:
            logits = model(data.x, data.edge_index)
        finally:
            for hook in hooks:
                hook.remove()
    z = seen[-1] if len(seen) > 1 and isinstance(seen[-1], Tensor) else logits.softmax(1)
    return F.normalize(z, dim=1), logits


_COLUMNS = ("node", "given", "corrected", "confidence", "doubt")
