"""SSEDS: the derivative of the loss by a mask over dimensions, taken once."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from graphforget.core.errors import UserError
from graphforget.learn.aside import aside
from recsys.learn import ClickTraining, train_click
from recsys.learn.click_predict import ROWS
from recsys.models import ClickModel, Gate
from recsys.select.base import Family, Selection, Selector, one_score_each
from recsys.table import ClickTable, Part

if TYPE_CHECKING:
    from recsys.models import Backbone


def saliency(model: ClickModel, table: ClickTable, rows: NDArray) -> NDArray[np.float64]:
    r"""How fast the loss would rise if a dimension of a field faded, shape ``(F, d)``.

    :math:`-\partial L / \partial \alpha_{fd}` at :math:`\alpha = 1`, where alpha multiplies the
    vectors and L is the mean loss of the rows, over the sum of all sizes (Qu et al., SIGIR 2022,
    who take the absolute value).

    Args:
        model: in whatever mode; it answers in eval mode.
        table: with the fields that the model was trained on.
        rows: numbers of the rows that the loss is taken on, shape ``(R,)``.
    """
    weight = model.embedding.weight
    alpha = torch.ones(table.num_fields, weight.size(1), device=weight.device, requires_grad=True)
    total = torch.zeros_like(alpha)
    with aside(model), torch.enable_grad():
        for start in range(0, len(rows), ROWS):
            some = rows[start : start + ROWS]
            ids = table.take(some).to(weight.device)
            answer = model.backbone(alpha * model.gate(model.embedding(ids), ids).detach())
            loss = F.binary_cross_entropy_with_logits(
                answer, table.labels(some).to(weight.device), reduction="sum"
            )
            total -= torch.autograd.grad(loss, alpha)[0]
    slope = total.double().cpu().numpy()
    return slope / max(np.abs(slope).sum(), np.finfo(np.float64).tiny)


def within_budget(saliency: NDArray, sizes: NDArray, budget: float) -> NDArray[np.bool_]:
    """The dimensions that stay when the least salient go until the parameters fit the budget.

    Args:
        saliency: shape ``(F, d)``.
        sizes: rows of each field's embedding, shape ``(F,)``: the parameters of a dimension.
        budget: share of the parameters that may stay, in 0..1.

    Returns:
        Shape ``(F, d)``.

    >>> within_budget(np.array([[0.4, 0.1], [0.2, 0.3]]), np.array([10, 1]), budget=0.6)
    array([[ True, False],
           [ True,  True]])
    """
    order = np.argsort(saliency, axis=None, kind="stable")
    cost = np.broadcast_to(sizes[:, None], saliency.shape).reshape(-1)
    left = cost.sum() - np.concatenate([[0], np.cumsum(cost[order])])
    dropped = int(np.argmax(left <= budget * cost.sum()))
    kept = np.ones(saliency.size, bool)
    kept[order[:dropped]] = False
    return kept.reshape(saliency.shape)


class DimensionGate(Gate):
    """Lets some dimensions of each field through and no others.

    Args:
        kept: shape ``(F, d)``.
    """

    kept: Tensor
    """Shape ``(F, d)``, 0 or 1."""

    def __init__(self, kept: NDArray[np.bool_]) -> None:
        super().__init__()
        self.register_buffer("kept", torch.tensor(kept, dtype=torch.float32))

    def forward(self, e: Tensor, ids: Tensor) -> Tensor:
        return e * self.kept


@dataclass(frozen=True)
class SSEDS(Selector):
    """Trains once, differentiates once, and gives every field as many dimensions as it is worth.

    A field's score is the sum over its dimensions. The gate that comes with it is the mask within
    the budget: train a network behind it to have embeddings of mixed sizes.

    Args:
        training: of the network on all fields.
        budget: share of the embedding's parameters that the gate lets stay.
        part: whose rows the loss is taken on. On training rows a converged network is flat, and
            what is left of the slope is noise.
        absolute: take a dimension for salient, too, where the loss would fall as it fades, as
            published. On validation rows that is what a field learned by heart looks like.
        max_rows: the first so many of them in a random order; None takes all.
    """

    family: ClassVar[Family] = Family.SENSITIVITY
    paper: ClassVar[str] = "Qu et al., SSEDS, SIGIR 2022"

    training: ClickTraining = field(default_factory=ClickTraining)
    budget: float = 0.5
    part: Part = Part.VAL
    absolute: bool = False
    max_rows: int | None = None

    def __post_init__(self) -> None:
        if self.part == Part.TEST:
            raise UserError(
                "SSEDS: wanted training or validation rows, got Part.TEST; "
                "fields chosen on test rows make the test worthless"
            )
        if not 0 < self.budget <= 1:
            raise UserError(f"SSEDS: wanted a budget above 0 and up to 1, got {self.budget}")

    def search(self, table: ClickTable, backbone: Backbone, seed: int) -> Selection:
        fitted = train_click(table, backbone, self.training, seed)
        rows = np.random.default_rng(seed).permutation(table.rows(self.part))[: self.max_rows]
        found = saliency(fitted.model, table, rows)
        found = np.abs(found) if self.absolute else found
        sizes = np.array([each.size for each in table.fields])
        gate = DimensionGate(within_budget(found, sizes, self.budget))
        return replace(one_score_each(table, found.sum(1)), gate=gate, model=fitted)


ORIGINAL = SSEDS(part=Part.TRAIN, absolute=True, max_rows=4096)
"""As in the paper: one batch of training rows."""
