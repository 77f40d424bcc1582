"""SHARK: what the loss would feel, to first order, if a field were the same in every row."""

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


def taylor_scores(e: Tensor, gradient: Tensor, average: Tensor) -> Tensor:
    r"""First-order change of each row's loss when a field's vector becomes the average one.

    :math:`|\sum_d g_{ifd} (\bar e_{fd} - e_{ifd})|`.

    Args:
        e: vectors of the fields, shape ``(B, F, d)``.
        gradient: of each row's loss with respect to them, shape ``(B, F, d)``.
        average: vectors, shape ``(F, d)``.

    Returns:
        Shape ``(B, F)``.

    >>> e, gradient = torch.tensor([[[1.0, 2.0]]]), torch.tensor([[[3.0, 1.0]]])
    >>> taylor_scores(e, gradient, torch.tensor([[0.0, 0.0]]))
    tensor([[5.]])
    """
    return (gradient * (average - e)).sum(2).abs()


def shark_scores(model: ClickModel, table: ClickTable, batch_size: int) -> NDArray[np.float64]:
    """The mean of `taylor_scores` over the validation rows, shape ``(F,)``.

    Args:
        model: a trained model of the table's fields.
        table: the table.
        batch_size: rows at a time; the scores do not depend on it but for rounding.
    """
    rows = table.rows(Part.VAL)
    batches = [rows[start : start + batch_size] for start in range(0, len(rows), batch_size)]
    average = torch.zeros(table.num_fields, model.embedding.width, dtype=torch.float64)
    with torch.inference_mode():
        for batch in batches:
            average += model.embedding(table.take(batch)).sum(0).double() / len(rows)
    total = torch.zeros(table.num_fields, dtype=torch.float64)
    for batch in batches:
        e, gradient = field_gradients(model, table.take(batch), table.labels(batch))
        total += taylor_scores(e, gradient, average.float()).sum(0).double()
    return (total / len(rows)).numpy()


@dataclass(frozen=True)
class SHARK(Selector):
    """The first-order change of the loss when a field is replaced by its average vector.

    One pass over the validation rows after one training. The published code takes one row at a
    time with a gradient as large as the embedding table; the scores are the same.

    Args:
        training: of the network on all fields.
    """

    family: ClassVar[Family] = Family.SENSITIVITY
    paper: ClassVar[str] = "SHARK: Zhang et al., CIKM 2023, arXiv:2308.09395"

    training: ClickTraining = field(default_factory=ClickTraining)

    def search(self, table: ClickTable, backbone: Backbone, seed: int) -> Selection:
        fitted = train_click(table, backbone, self.training, seed)
        scores = shark_scores(fitted.model, table, self.training.batch_size)
        return replace(one_score_each(table, scores), model=fitted)
