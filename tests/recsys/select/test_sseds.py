"""SSEDS: the slope is the slope, and the mask is within its budget."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from graphforget.core.errors import UserError
from recsys.models import ClickModel, DeepFM
from recsys.select.sseds import ORIGINAL, SSEDS, DimensionGate, saliency, within_budget
from recsys.table import Part, planted_table


def test_saliency_is_the_slope_of_the_loss_by_the_mask():
    table = planted_table(300, relevant=2, redundant=0, irrelevant=1, seed=0).table
    model = ClickModel.of(table.fields, DeepFM(), 3, 0).double()
    with torch.no_grad():
        model.embedding.weight.mul_(50)
    rows = table.rows(Part.VAL)
    ids, label = table.take(rows), table.labels(rows).double()

    @torch.no_grad()
    def loss(alpha):
        model.eval()
        return F.binary_cross_entropy_with_logits(
            model.backbone(alpha * model.embedding(ids)), label
        )

    step, slopes = 1e-6, np.zeros((3, 3))
    for place in np.ndindex(3, 3):
        alpha = torch.zeros(3, 3, dtype=torch.double)
        alpha[place] = step
        slopes[place] = float(loss(1 - alpha) - loss(1 + alpha)) / (2 * step)
    slopes /= np.abs(slopes).sum()
    assert np.allclose(saliency(model, table, rows), slopes, rtol=1e-3, atol=1e-6)
    assert slopes.max() < 0  # a random network is the better for every fading, and that is told


@pytest.mark.parametrize("budget", [0.1, 0.35, 0.8, 1.0])
def test_the_mask_is_within_the_budget_and_drops_no_more_than_it_must(budget):
    draw = np.random.default_rng(0)
    found, sizes = draw.random((5, 4)), draw.integers(2, 100, 5)
    kept = within_budget(found, sizes, budget)
    most = budget * sizes.sum() * 4
    assert (kept * sizes[:, None]).sum() <= most
    if budget < 1:
        best = np.unravel_index(np.argmax(np.where(kept, -1, found)), found.shape)
        assert (kept * sizes[:, None]).sum() + sizes[best[0]] > most
        assert found[kept].min() > found[~kept].max()
    else:
        assert kept.all()


def test_dropped_dimensions_do_not_pass():
    gate = DimensionGate(np.array([[True, False]]))
    assert torch.equal(gate(torch.ones(2, 1, 2), torch.zeros(2, 1)), torch.tensor([[[1.0, 0]]] * 2))


def test_test_rows_and_empty_budgets_are_refused():
    with pytest.raises(UserError, match="make the test worthless"):
        SSEDS(part=Part.TEST)
    with pytest.raises(UserError, match="budget above 0"):
        SSEDS(budget=0.0)
    assert ORIGINAL != SSEDS()
