"""UMEC: the surplus is pressed to zero, the rest is left alone."""

from __future__ import annotations

import pytest
import torch

from graphforget.core.errors import UserError
from recsys.select.umec import UMEC, UMECGate, shrink_smallest


def test_the_step_is_proximal():
    """It minimises ``|z - w|^2 / 2 + strength * |z|^2`` on the smallest rows."""
    w, strength = torch.tensor([[2.0, 0.0], [0.3, 0.4]]), 0.7
    z = w[1].clone().requires_grad_()
    shrunken, overdrawn = shrink_smallest(w, 1, strength)
    assert torch.equal(shrunken[0], w[0]) and overdrawn.item() == pytest.approx(0.25)
    with torch.no_grad():
        z.copy_(shrunken[1])
    ((z - w[1]).square().sum() / 2 + strength * z.square().sum()).backward()
    assert torch.allclose(z.grad, torch.zeros(2), atol=1e-6)


def test_the_surplus_goes_and_the_price_comes_to_rest():
    gate = UMECGate(4, 2, UMEC(keep=0.5, gate_learning_rate=0.5, dual_rate=0.05))
    with torch.no_grad():
        gate.w[::2] *= 1.1  # what the loss would have told apart
    prices = []
    for _ in range(300):
        gate.after_step()
        prices.append(gate.pressure.item())
    assert torch.allclose(gate.w[::2], torch.tensor(1.1)) and (gate.w[1::2] < 1e-3).all()
    assert prices[0] > 0 and prices[-1] == pytest.approx(prices[-2], abs=1e-6)


def test_a_budget_for_all_fields_presses_none():
    gate = UMECGate(3, 2, UMEC(keep=1.0))
    gate.after_step()
    assert gate.pressure == 0 and (gate.w == 1).all()


def test_an_empty_budget_is_refused():
    with pytest.raises(UserError, match="keep above 0"):
        UMEC(keep=0.0)
