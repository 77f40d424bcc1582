"""What gates that differ from row to row weigh on average."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from graphforget.learn.aside import aside
from recsys.learn.click_predict import ROWS
from recsys.models import ClickModel, Gate
from recsys.table import ClickTable, Part


class InstanceGate(Gate):
    """Weighs the fields of each row by what the row holds."""

    @abstractmethod
    def weights(self, e: Tensor) -> Tensor:
        """Weights of the fields, shape ``(B, F)``, from their vectors, shape ``(B, F, d)``."""

    def forward(self, e: Tensor, ids: Tensor) -> Tensor:
        return e * self.weights(e)[:, :, None]


def mean_weights(model: ClickModel, gate: InstanceGate, table: ClickTable) -> NDArray[np.float64]:
    """The mean weight of each field over the validation rows, shape ``(F,)``.

    Args:
        model: whose embedding gives the vectors; left in the mode it was in.
        gate: of the model.
        table: with the fields that the model was trained on; its training rows are taken where
            there are no validation rows.
    """
    rows = table.rows(Part.VAL)
    rows = rows if len(rows) else table.rows(Part.TRAIN)
    device = model.embedding.weight.device
    total = np.zeros(table.num_fields)
    with aside(model), torch.no_grad():
        for start in range(0, len(rows), ROWS):
            e = model.embedding(table.take(rows[start : start + ROWS]).to(device))
            total += gate.weights(e).double().sum(0).cpu().numpy()
    return total / len(rows)
