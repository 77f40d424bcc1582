"""The fused loss is the naive formula, in value and gradient, whatever the rows look like."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from graphforget.learn.coding_rate import coding_rate_loss


def naive(z: Tensor, labels: Tensor, classes: int, gamma1=1.0, gamma2=2.0, eps=0.05) -> Tensor:
    """The loss with memberships as diagonal matrices and determinants, as one would write it."""
    z, labels = z[labels >= 0], labels[labels >= 0]
    n, d = z.shape
    identity = torch.eye(d, dtype=z.dtype)
    rate = 0.5 * torch.logdet(identity + gamma1 * d / (n * eps) * z.T @ z)
    by_class = z.new_zeros(())
    for k in range(classes):
        member = torch.diag((labels == k).to(z.dtype))
        if (count := member.trace()) > 0:
            inner = identity + d / (count * eps) * z.T @ member @ z
            by_class = by_class + count / (2 * n) * torch.logdet(inner)
    return gamma1 * by_class - gamma2 * rate


def value_and_slope(loss, z: Tensor, *rest, **more) -> tuple[Tensor, Tensor]:
    z = z.clone().requires_grad_()
    value = loss(z, *rest, **more)
    value.backward()
    return value.detach(), z.grad


def far(found: Tensor, true: Tensor) -> float:
    """Relative distance."""
    found, true = found.double(), true.double()
    return float((found - true).norm() / true.norm().clamp(min=1e-30))


def rows(kind: str, n: int, d: int) -> Tensor:
    """Representations in double precision, of the shapes that training can bring them into."""
    generator = torch.Generator().manual_seed(1)
    z = torch.randn(n, d, generator=generator, dtype=torch.float64)
    if kind == "nonnegative":  # the encoder's output: row sums of one, then ReLU
        z = (z / z.abs().sum(1, keepdim=True)).relu()
    if kind == "unit":
        z = z / z.norm(dim=1, keepdim=True)
    if kind == "collapsed":
        z = z[:1].repeat(n, 1) / z[0].norm()
    if kind == "nearly collapsed":
        z = z[:1] / z[0].norm() + 1e-3 * z
    if kind == "class directions":
        z = torch.eye(d, dtype=z.dtype)[torch.arange(n) % 3] + 1e-3 * z
    if kind == "some zero rows":
        z[::3] = 0
    if kind == "zero":
        z = torch.zeros_like(z)
    if kind == "large":
        z = 30 * z.abs()
    return z


KINDS = [
    "random", "nonnegative", "unit", "collapsed", "nearly collapsed", "class directions",
    "some zero rows", "zero", "large",
]  # fmt: skip
LABELS = {
    "equal classes": lambda n: torch.arange(n) % 4,
    "uneven classes": lambda n: (torch.arange(n) % 20).clamp(max=3),
    "an empty class": lambda n: torch.arange(n) % 3 + (torch.arange(n) % 3 == 2).long(),
    "one class": lambda n: torch.full((n,), 2),
    "some without": lambda n: torch.arange(n) % 5 - 1,
}
SIZES = {"few rows": (21, 48), "as many": (32, 32), "many rows": (200, 16), "both": (60, 24)}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("labelling", LABELS)
def test_it_is_the_naive_loss_in_double_precision(labelling, kind, size):
    n, d = SIZES[size]
    z, labels = rows(kind, n, d), LABELS[labelling](n)
    true, slope = value_and_slope(naive, z, labels, 4, 1.3, 1.7, 0.1)
    value, found = value_and_slope(coding_rate_loss, z, labels, 4, 1.3, 1.7, 0.1)
    assert far(value, true) < 1e-8 and far(found, slope) < 1e-8
    assert (found[labels < 0] == 0).all()
    assert torch.equal(coding_rate_loss(z, labels, 4, 1.3, 1.7, 0.1), value)
