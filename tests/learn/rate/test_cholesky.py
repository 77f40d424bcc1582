"""A factorisation that rounding spoilt is mended, and only that one."""

from __future__ import annotations

import pytest
import torch

from graphforget.core.errors import UserError
from graphforget.learn.rate.cholesky import cholesky, logdet


def spectrum(*values: float) -> torch.Tensor:
    """A symmetric matrix with these eigenvalues."""
    generator = torch.Generator().manual_seed(0)
    turn = torch.linalg.qr(torch.randn(len(values), len(values), generator=generator).double()).Q
    return turn @ torch.diag(torch.tensor(values, dtype=torch.float64)) @ turn.T


def test_a_matrix_that_just_fails_is_mended_and_the_others_stay():
    good, bad = spectrum(3.0, 2.0, 1.0), spectrum(3.0, 2.0, -1e-12)
    assert torch.linalg.cholesky_ex(bad).info > 0
    factors = cholesky(torch.stack([good, bad, good]))
    assert torch.equal(factors[0], torch.linalg.cholesky(good))
    assert torch.equal(factors[2], factors[0])
    torch.testing.assert_close(factors[1] @ factors[1].mT, bad, atol=1e-8, rtol=0)


@pytest.mark.parametrize(
    "matrix", [spectrum(3.0, 2.0, -1.0), torch.full((3, 3), torch.nan, dtype=torch.float64)]
)
def test_what_cannot_be_mended_is_said(matrix):
    with pytest.raises(UserError, match="coding rate"):
        cholesky(matrix[None])


def test_determinants_are_those_of_the_matrices():
    matrices = torch.stack([spectrum(3.0, 2.0, 1.0), spectrum(0.5, 0.1, 4.0)])
    torch.testing.assert_close(logdet(cholesky(matrices)).exp(), torch.linalg.det(matrices))


def test_no_matrix_is_no_determinant():
    assert logdet(cholesky(torch.zeros(0, 4, 4))).shape == (0,)
