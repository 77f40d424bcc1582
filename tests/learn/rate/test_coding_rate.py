"""The fused loss is the naive formula, in value and gradient, whatever the rows look like."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from graphforget.core.errors import UserError
from graphforget.learn.rate import fused
from graphforget.learn.rate.loss import class_coding_rate, coding_rate, coding_rate_loss


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


class Largest(TorchDispatchMode):
    """Watches how large the largest tensor gets that any operation makes."""

    numel = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        made = func(*args, **(kwargs or {}))
        for tensor in made if isinstance(made, (tuple, list)) else [made]:
            if isinstance(tensor, Tensor):
                self.numel = max(self.numel, tensor.numel())
        return made


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


@pytest.mark.parametrize("size", [(30, 96), (90, 64), (700, 64)])
@pytest.mark.parametrize("kind", KINDS)
def test_single_precision_is_within_1e_5(kind, size):
    z = rows(kind, *size).float()
    labels = torch.arange(len(z)) % 5
    true, slope = value_and_slope(coding_rate_loss, z.double(), labels, 5)
    value, found = value_and_slope(coding_rate_loss, z, labels, 5)
    assert value.dtype == found.dtype == torch.float32
    assert far(value, true) < 1e-5 and far(found, slope) < 1e-5
    assert far(coding_rate_loss(z, labels, 5), true) < 1e-5


def test_ordinary_rows_are_not_turned_into_double_precision(monkeypatch):
    z, labels = rows("nonnegative", 400, 64).float(), torch.arange(400) % 4
    asked = []
    closed_form = fused._closed_form
    monkeypatch.setattr(
        fused, "_closed_form", lambda z, *rest: asked.append(z.dtype) or closed_form(z, *rest)
    )
    for loss in (coding_rate_loss, partial(value_and_slope, coding_rate_loss)):
        asked.clear()
        loss(z, labels, 4)
        assert asked == [torch.float32]
        loss(rows("collapsed", 400, 64).float(), labels, 4)
        assert asked == [torch.float32, torch.float32, torch.float64]


@pytest.mark.parametrize("size", SIZES)
def test_finite_differences_agree(size):
    n, d = min(SIZES[size][0], 40), SIZES[size][1] // 4
    z, labels = rows("random", n, d).requires_grad_(), torch.arange(n) % 4 - 1
    assert torch.autograd.gradcheck(lambda z: coding_rate_loss(z, labels, 3), z)


def test_the_readable_formulas_add_up_to_it():
    z, labels = rows("unit", 50, 20), torch.arange(50) % 4
    parts = class_coding_rate(z, labels, 4, 0.1) - 2 * coding_rate(z, 20 / (50 * 0.1))
    assert far(coding_rate_loss(z, labels, 4, eps=0.1), parts) < 1e-12


def test_neither_the_order_nor_the_names_of_classes_nor_the_axes_matter():
    z, labels = rows("unit", 70, 24), (torch.arange(70) % 9).clamp(max=3)
    value, slope = value_and_slope(coding_rate_loss, z, labels, 4)
    order = torch.randperm(70, generator=torch.Generator().manual_seed(0))
    turn = torch.linalg.qr(rows("random", 24, 24)).Q
    again, turned = value_and_slope(coding_rate_loss, z[order] @ turn, 3 - labels[order], 4)
    assert far(again, value) < 1e-12 and far(turned, slope[order] @ turn) < 1e-12


def test_rows_without_a_label_are_not_read():
    z, labels = rows("unit", 40, 12), torch.arange(40) % 3
    value, slope = value_and_slope(coding_rate_loss, z, labels, 3)
    more = torch.cat([z, torch.full((5, 12), torch.nan)])
    without = torch.cat([labels, torch.full((5,), -1)])
    again, found = value_and_slope(coding_rate_loss, more, without, 3)
    assert torch.equal(again, value) and torch.equal(found[:40], slope)
    assert (found[40:] == 0).all()


def test_no_label_at_all_is_a_loss_of_zero():
    z = rows("unit", 6, 3)
    value, slope = value_and_slope(coding_rate_loss, z, torch.full((6,), -1), 2)
    assert value == 0 and (slope == 0).all()
    assert class_coding_rate(z, torch.full((6,), -1), 2) == 0


def test_the_gradient_is_multiplied_by_what_comes_from_above():
    z, labels = rows("unit", 20, 6), torch.arange(20) % 2
    _, slope = value_and_slope(coding_rate_loss, z, labels, 2)
    _, tripled = value_and_slope(lambda z: 3 * coding_rate_loss(z, labels, 2), z)
    assert far(tripled, 3 * slope) < 1e-12


def test_following_it_pulls_classes_together_and_apart():
    labels = torch.arange(60) % 3
    z = rows("unit", 60, 16).requires_grad_()
    optimizer = torch.optim.Adam([z], lr=0.05)

    def cosines() -> tuple[float, float]:
        unit = torch.nn.functional.normalize(z.detach(), dim=1)
        cosine, same = (unit @ unit.T).abs(), labels[:, None] == labels
        return float(cosine[same].mean()), float(cosine[~same].mean())

    before = cosines()
    for _ in range(200):
        optimizer.zero_grad()
        coding_rate_loss(torch.nn.functional.normalize(z, dim=1), labels, 3).backward()
        optimizer.step()
    after = cosines()
    assert after[0] > before[0] + 0.1 and after[1] < before[1] / 2


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_computed_in_single(dtype):
    z, labels = rows("unit", 40, 12).to(dtype), torch.arange(40) % 3
    true, slope = value_and_slope(coding_rate_loss, z.float(), labels, 3)
    value, found = value_and_slope(coding_rate_loss, z, labels, 3)
    assert value.dtype == found.dtype == dtype
    assert far(value, true) < 5e-3 and far(found, slope) < 5e-3


def test_autocast_does_not_reach_it():
    z, labels = rows("unit", 40, 12).float(), torch.arange(40) % 3
    plain = value_and_slope(coding_rate_loss, z, labels, 3)
    with torch.autocast("cpu", torch.bfloat16):
        cast = value_and_slope(coding_rate_loss, z, labels, 3)
    assert all(torch.equal(a, b) for a, b in zip(plain, cast, strict=True))


def test_nothing_is_n_by_n_and_only_the_gradient_is_kept():
    n, d, classes = 3000, 10, 4
    z, labels = rows("unit", n, d).float().requires_grad_(), torch.arange(n) % classes
    kept = []
    with (
        Largest() as largest,
        torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t.numel()), lambda t: t),
    ):
        coding_rate_loss(z, labels, classes)
    assert largest.numel <= n * d
    assert kept == [n * d]


BAD = {
    "labels that are too large": (torch.eye(3), torch.tensor([0, 1, 2]), {}),
    "labels below -1": (torch.eye(3), torch.tensor([0, 1, -2]), {}),
    "soft labels": (torch.eye(3), torch.rand(3), {}),
    "one-hot labels": (torch.eye(3), torch.eye(3).long(), {}),
    "too few labels": (torch.eye(3), torch.tensor([0, 1]), {}),
    "one row as a vector": (torch.ones(3), torch.tensor([0, 1, 0]), {}),
    "whole numbers": (torch.eye(3).long(), torch.tensor([0, 1, 0]), {}),
    "no distortion": (torch.eye(3), torch.tensor([0, 1, 0]), {"eps": 0.0}),
    "a negative weight": (torch.eye(3), torch.tensor([0, 1, 0]), {"gamma1": -1.0}),
    "not a number": (torch.full((3, 3), torch.nan), torch.tensor([0, 1, 0]), {}),
    "infinite": (torch.full((3, 3), torch.inf), torch.tensor([0, 1, 0]), {}),
    "few and not a number": (torch.full((3, 30), torch.nan), torch.tensor([0, 1, 0]), {}),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_input_is_said_in_one_line(what):
    z, labels, more = BAD[what]
    with pytest.raises(UserError, match="^coding rate[^\n]*$"):
        coding_rate_loss(z, labels, 2, **more)
