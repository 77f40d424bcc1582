"""Node classification: a softmax over the classes, trained by cross-entropy."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn
from torch_geometric.data import Data
from torchmetrics.functional.classification import multiclass_f1_score

from graphforget.core.errors import UserError
from graphforget.request import ForgetRequest
from graphforget.task.base import Task


@dataclass(frozen=True)
class NodeClassification(Task):
    """One of ``num_classes`` labels for each node, by softmax and cross-entropy.

    Args:
        num_classes: number of classes ``C``. It is told, not read from labels, because a data
            set that has forgotten a class still answers over all of them.
    """

    num_classes: int

    def __post_init__(self) -> None:
        if not isinstance(self.num_classes, int) or self.num_classes < 1:
            raise UserError(
                f"node classification: wanted at least 1 class, got {self.num_classes!r}"
            )

    @classmethod
    def of(cls, data: Data) -> NodeClassification:
        """The task with as many classes as ``data`` has labels."""
        if not isinstance(data.get("y"), Tensor) or data.y.numel() == 0:
            raise UserError("node classification: wanted a graph with labels y, got one without")
        return cls(int(data.y.max()) + 1)

    @property
    def out_channels(self) -> int:  # type: ignore[override]
        """Width of the model's output: one logit a class."""
        return self.num_classes

    def check(self, data: Data) -> None:
        if not isinstance(data.get("y"), Tensor):
            raise UserError("node classification: wanted a graph with labels y, got one without")
        if "train_mask" not in data or not bool(data.train_mask.any()):
            raise UserError(
                "node classification: wanted a train_mask with at least one node; split the "
                "graph with graphforget.data.split_nodes"
            )
        if int(data.y.max()) >= self.num_classes:
            raise UserError(
                f"node classification: wanted labels below {self.num_classes}, got "
                f"{int(data.y.max())}"
            )

    def _labelled(self, data: Data, mask: str) -> Tensor:
        if mask not in data:
            return data.edge_index.new_empty(0)
        return (data[mask] & (data.y >= 0)).nonzero().flatten()

    def train_items(self, data: Data) -> Tensor:
        return self._labelled(data, "train_mask")

    def val_items(self, data: Data) -> Tensor:
        return self._labelled(data, "val_mask")

    def test_items(self, data: Data) -> Tensor:
        return self._labelled(data, "test_mask")

    def forgotten_items(self, request: ForgetRequest, data: Data) -> Tensor:
        """The nodes named, or the endpoints of the edges named, shape ``(K,)``."""
        return request.nodes(data).to(data.edge_index.device)

    def read(self, output: Tensor, items: Tensor) -> Tensor:
        return output[items]

    def probability(self, logits: Tensor) -> Tensor:
        return logits.softmax(-1)

    def example_loss(self, logits: Tensor, data: Data, items: Tensor) -> Tensor:
        return F.cross_entropy(logits, data.y[items], reduction="none")

    def loss(self, model: nn.Module, data: Data, generator: Generator) -> Tensor:
        """Mean cross-entropy of the training nodes; zero where a batch has none."""
        items = self.train_items(data)
        logits = self.logits(model, data, items)
        return self.example_loss(logits, data, items).mean() if items.numel() else logits.sum()

    def divergence(self, teacher: Tensor, student: Tensor) -> Tensor:
        return F.kl_div(
            student.log_softmax(-1), teacher.log_softmax(-1), reduction="none", log_target=True
        ).sum(-1)

    def curvature(self, logits: Tensor, along: Tensor) -> Tensor:
        p = logits.softmax(-1)
        return p * (along - (p * along).sum(-1, keepdim=True))

    def margin(self, logits: Tensor, data: Data, items: Tensor) -> Tensor:
        """Logit of the true class less the log-sum-exp of all others, shape ``(K,)``."""
        truth = data.y[items].unsqueeze(-1)
        others = logits.scatter(-1, truth, -torch.inf).logsumexp(-1)
        return logits.gather(-1, truth).squeeze(-1) - others

    @torch.no_grad()
    def evaluate(self, model: nn.Module, data: Data) -> dict[str, float]:
        """``val_accuracy``, ``test_accuracy`` and ``test_macro_f1``, each from 0 to 1."""
        output = model(data.x, data.edge_index)
        scores = {}
        for part, items in (("val", self.val_items(data)), ("test", self.test_items(data))):
            if items.numel():
                answer, truth = output[items].argmax(-1), data.y[items]
                scores[f"{part}_accuracy"] = float((answer == truth).float().mean())
                if part == "test":
                    scores["test_macro_f1"] = float(
                        multiclass_f1_score(answer, truth, self.num_classes, average="macro")
                    )
        return scores
