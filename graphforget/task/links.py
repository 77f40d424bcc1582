"""Link prediction: the dot product of two embeddings, trained against random pairs."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn
from torch_geometric.data import Data
from torchmetrics.functional.classification import binary_auroc, binary_average_precision

from graphforget.core.errors import UserError
from graphforget.removal import HELD_OUT_EDGES, pair_codes
from graphforget.request import ForgetRequest
from graphforget.task.base import Task

PARTNERS = 4
"""Random partners of each end of a link, to measure its logit against."""


@dataclass(frozen=True)
class LinkPrediction(Task):
    """Whether two nodes are linked, by the sigmoid of the dot product of their embeddings.

    Training takes the edges of the graph as positives and as many random pairs as negatives,
    drawn afresh at each call. Negatives are uniform pairs: a sampler that steers around forgotten
    edges would show by their absence that they once were there.

    Args:
        out_channels: width ``C`` of the embeddings.
    """

    out_channels: int = 64

    def __post_init__(self) -> None:
        if not isinstance(self.out_channels, int) or self.out_channels < 1:
            raise UserError(
                f"link prediction: wanted at least 1 output channel, got {self.out_channels!r}"
            )

    def check(self, data: Data) -> None:
        if data.edge_index.size(1) == 0:
            raise UserError("link prediction: wanted a graph with edges, got none")
        absent = [name for name in HELD_OUT_EDGES if name not in data]
        if absent:
            raise UserError(
                f"link prediction: wanted held-out pairs {absent[0]}; split the graph with "
                "graphforget.data.split_links"
            )

    def reads(self, width: int) -> bool:
        """Embeddings of any width have a dot product."""
        return width >= 1

    def train_items(self, data: Data) -> Tensor:
        """Training edges, the smaller id first, shape ``(2, K)``."""
        return data.edge_index[:, data.edge_index[0] < data.edge_index[1]]

    def val_items(self, data: Data) -> Tensor:
        """Held-out positives for choosing, shape ``(2, K)``."""
        return data.val_pos_edge_index

    def test_items(self, data: Data) -> Tensor:
        """Held-out positives for judging, shape ``(2, K)``."""
        return data.test_pos_edge_index

    def forgotten_items(self, request: ForgetRequest, data: Data) -> Tensor:
        """The edges named, or the training edges of the nodes named, shape ``(2, K)``."""
        edges = self.train_items(data)
        kind, ids = request.named(data)
        if kind == "edge":
            codes = pair_codes(ids, data.num_nodes)
            return edges[:, torch.isin(pair_codes(edges, data.num_nodes), codes)]
        named = torch.isin(edges, request.nodes(data).to(edges.device))
        return edges[:, named.any(0)]

    def read(self, output: Tensor, items: Tensor) -> Tensor:
        return (output[items[0]] * output[items[1]]).sum(-1)

    def probability(self, logits: Tensor) -> Tensor:
        return logits.sigmoid()

    def example_loss(self, logits: Tensor, data: Data, items: Tensor) -> Tensor:
        """Loss of each item as a positive, ``-log sigmoid``, shape ``(K,)``."""
        return F.softplus(-logits)

    def loss(self, model: nn.Module, data: Data, generator: Generator) -> Tensor:
        """Mean binary cross-entropy of the training edges and as many random pairs."""
        positive = self.train_items(data)
        negative = random_pairs(data, positive.size(1), generator)
        logits = self.logits(model, data, torch.cat([positive, negative], dim=1))
        truth = torch.zeros_like(logits)
        truth[: positive.size(1)] = 1.0
        return F.binary_cross_entropy_with_logits(logits, truth)

    def divergence(self, teacher: Tensor, student: Tensor) -> Tensor:
        p = teacher.sigmoid()
        cross = F.binary_cross_entropy_with_logits(student, p, reduction="none")
        return cross - F.binary_cross_entropy_with_logits(teacher, p, reduction="none")

    def curvature(self, logits: Tensor, along: Tensor) -> Tensor:
        p = logits.sigmoid()
        return p * (1 - p) * along

    def margin(self, logits: Tensor, data: Data, items: Tensor) -> Tensor:
        """The logit itself: every item is a true link, shape ``(K,)``."""
        return logits

    def yardstick(self, output: Tensor, data: Data, items: Tensor, seed: int) -> Tensor:
        """Mean logit of random pairs that share a node with each link, shape ``(K,)``."""
        draw = Generator().manual_seed(seed)
        shape = (2, items.size(1), PARTNERS)
        partners = torch.randint(output.size(0), shape, generator=draw).to(items.device)
        pairs = torch.stack([items.unsqueeze(-1).expand(shape), partners]).flatten(1)
        return self.read(output, pairs).view(shape).mean(dim=(0, 2))

    @torch.no_grad()
    def evaluate(self, model: nn.Module, data: Data) -> dict[str, float]:
        """``val_auc``, ``test_auc`` and ``test_ap``: ROC-AUC and average precision, 0 to 1."""
        output = model(data.x, data.edge_index)
        scores = {}
        for part in ("val", "test"):
            positive, negative = data[f"{part}_pos_edge_index"], data[f"{part}_neg_edge_index"]
            if positive.size(1) == 0 or negative.size(1) == 0:
                continue
            answer = self.read(output, torch.cat([positive, negative], dim=1)).sigmoid()
            truth = torch.zeros(answer.numel(), dtype=torch.int64, device=answer.device)
            truth[: positive.size(1)] = 1
            scores[f"{part}_auc"] = float(binary_auroc(answer, truth))
            if part == "test":
                scores["test_ap"] = float(binary_average_precision(answer, truth))
        return scores


def random_pairs(data: Data, count: int, generator: Generator) -> Tensor:
    """Uniform random pairs of nodes, shape ``(2, count)``.

    Where nodes are of two types, ``node_type`` of shape ``(N,)``, as users and items are, a pair
    has one of each.
    """
    if isinstance(data.get("node_type"), Tensor):
        return _random_couples(data.node_type, count, generator)
    return torch.randint(
        data.num_nodes, (2, count), generator=generator, device=generator.device
    ).to(data.edge_index.device)


def _random_couples(node_type: Tensor, count: int, generator: Generator) -> Tensor:
    """Uniform pairs of a node of type 0 and one of type 1, shape ``(2, count)``."""
    sides = [(node_type == side).nonzero().flatten() for side in (0, 1)]
    drawn = [
        torch.randint(len(side), (count,), generator=generator, device=generator.device)
        for side in sides
    ]
    return torch.stack([side[at.to(side.device)] for side, at in zip(sides, drawn, strict=True)])
