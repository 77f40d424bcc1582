"""Click prediction: whether a row of a click table is clicked."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch_geometric.data import Data
from torchmetrics.functional.classification import binary_auroc

from graphforget.core.errors import UserError
from graphforget.task import NodeClassification

ROWS_AT_ONCE = 65_536


@dataclass(frozen=True)
class ClickPrediction(NodeClassification):
    """A click or none, by the softmax of ``[0, s]``, which is the sigmoid of the logit ``s``.

    Items are rows, shape ``(K,)``. Rows do not see each other, so only those that are asked about
    are computed.
    """

    num_classes: int = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.num_classes != 2:
            raise UserError(f"click prediction: wanted two classes, got {self.num_classes}")

    def check(self, data: Data) -> None:
        super().check(data)
        labels = data.y[self.train_items(data)].unique()
        if labels.numel() < 2:
            raise UserError(
                "click prediction: wanted training rows with and without a click, got only "
                f"{labels.tolist()}"
            )

    def logits(self, model: nn.Module, data: Data, items: Tensor) -> Tensor:
        """Logits ``[0, s]`` of some rows, shape ``(K, 2)``."""
        parts = [model(data.x[rows], data.edge_index) for rows in items.split(ROWS_AT_ONCE)]
        return torch.cat(parts) if parts else data.x.new_zeros(0, 2, dtype=torch.float32)

    @torch.no_grad()
    def evaluate(self, model: nn.Module, data: Data) -> dict[str, float]:
        """``val_auc``, ``val_logloss``, ``test_auc`` and ``test_logloss``."""
        found: dict[str, float] = {}
        for part, items in (("val", self.val_items(data)), ("test", self.test_items(data))):
            truth = data.y[items]
            if truth.unique().numel() < 2:
                continue
            logits = self.logits(model, data, items)
            clicked = logits[:, 1] - logits[:, 0]
            found[f"{part}_auc"] = float(binary_auroc(clicked.sigmoid(), truth))
            found[f"{part}_logloss"] = float(self.example_loss(logits, data, items).mean())
        return found
