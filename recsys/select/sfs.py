"""SFS: how hard the loss pulls at a mask over the fields."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from recsys.learn import ClickTraining, train_click
from recsys.select.base import Family, Selection, Selector, one_score_each
from recsys.select.field_gradients import field_gradients
from recsys.table import Part

if TYPE_CHECKING:
    from recsys.models import Backbone, ClickModel
    from recsys.table import ClickTable


def mask_gradient(e: Tensor, gradient: Tensor) -> Tensor:
    r"""Gradient of a batch's mean loss with respect to a mask of ones on the fields.

    :math:`\partial L / \partial m_f = \frac{1}{B} \sum_{id} g_{ifd}\, e_{ifd}` where the mask
    multiplies the vectors.

    Args:
        e: vectors of the fields, shape ``(B, F, d)``.
        gradient: of each row's loss with respect to them, shape ``(B, F, d)``.

    Returns:
        Shape ``(F,)``.

    >>> e, gradient = torch.tensor([[[2.0]], [[1.0]]]), torch.tensor([[[1.0]], [[-4.0]]])
    >>> mask_gradient(e, gradient)
    tensor([-1.])
    """
    return (gradient * e).sum(2).mean(0)


def sfs_scores(
    model: ClickModel, table: ClickTable, batches: int, batch_size: int, seed: int
) -> NDArray[np.float64]:
    """Mean absolute `mask_gradient` over validation batches, divided by its sum, shape ``(F,)``.

    Args:
        model: a trained model of the table's fields.
        table: the table.
        batches: at most so many.
        batch_size: rows in each; gradients of opposite rows cancel, so it matters.
        seed: of the order of the rows.
    """
    rows = np.random.default_rng(seed).permutation(table.rows(Part.VAL))
    total = torch.zeros(table.num_fields, dtype=torch.float64)
    for start in range(0, min(len(rows), batches * batch_size), batch_size):
        batch = rows[start : start + batch_size]
        e, gradient = field_gradients(model, table.take(batch), table.labels(batch))
        total += mask_gradient(e, gradient).abs().double()
    return (total / total.sum().clamp(min=torch.finfo(total.dtype).tiny)).numpy()


@dataclass(frozen=True)
class SFS(Selector):
    """The gradient of a trained network's loss with respect to a mask of ones over the fields.

    Args:
        training: of the network on all fields; its batch size is that of the gradients, too.
        batches: validation batches that are looked at.
    """

    family: ClassVar[Family] = Family.SENSITIVITY
    paper: ClassVar[str] = "Single-shot feature selection: Wang et al., SIGIR 2023"

    training: ClickTraining = field(default_factory=ClickTraining)
    batches: int = 100

    def search(self, table: ClickTable, backbone: Backbone, seed: int) -> Selection:
        fitted = train_click(table, backbone, self.training, seed)
        scores = sfs_scores(fitted.model, table, self.batches, self.training.batch_size, seed)
        return replace(one_score_each(table, scores), model=fitted)
