"""Cholesky factors that survive rounding: a matrix that fails is tried again with a small ridge."""

from __future__ import annotations

import torch
from torch import Tensor

from graphforget.core.errors import UserError

TRIES = 8
"""How often a ridge is tried, each ten times the one before."""


def cholesky(matrices: Tensor) -> Tensor:
    """Lower Cholesky factors of matrices that are positive definite but for rounding.

    A matrix whose factorisation fails gets a ridge on its diagonal: at first what rounding can
    have done to its largest entry, then ten times as much, and so on. The others are untouched.

    Args:
        matrices: symmetric, shape ``(B, m, m)``; only the lower triangles are read.

    Returns:
        Lower triangular factors, shape ``(B, m, m)``.

    Raises:
        UserError: entries that are not finite, or a matrix that is far from positive definite.

    >>> cholesky(torch.tensor([[[4.0, 2.0], [2.0, 5.0]]]))
    tensor([[[2., 0.],
             [1., 2.]]])
    >>> rounded = torch.tensor([[[1.0, 1.0], [1.0, 1.0 - 2**-24]]])  # an eigenvalue below zero
    >>> bool(cholesky(rounded).isfinite().all())
    True
    """
    factors, failed = torch.linalg.cholesky_ex(matrices)
    if not bool(failed.any()):
        return factors
    diagonal = matrices.diagonal(dim1=-2, dim2=-1)
    if not bool(diagonal.isfinite().all()):
        raise UserError(
            "coding rate: the representations are not finite or too large to be squared; look for "
            "NaN features, lower the learning rate or normalise the rows"
        )
    ridge = diagonal.amax(-1, keepdim=True) * matrices.size(-1) * torch.finfo(matrices.dtype).eps
    for _ in range(TRIES):
        bad = failed.nonzero().view(-1)
        mended = matrices[bad] + torch.diag_embed(ridge[bad].expand(-1, matrices.size(-1)))
        factors[bad], failed[bad] = torch.linalg.cholesky_ex(mended)
        if not bool(failed.any()):
            return factors
        ridge = 10 * ridge
    raise UserError(
        "coding rate: a gram matrix is not positive definite; look for NaN features or "
        "representations of very different sizes"
    )


def logdet(factors: Tensor) -> Tensor:
    """Log-determinants of the matrices with these Cholesky factors, in double precision.

    Args:
        factors: lower triangular, shape ``(B, m, m)``.

    Returns:
        Shape ``(B,)``, float64, so that many small terms do not drown in few large ones.

    >>> logdet(torch.tensor([[[1.0, 0.0], [7.0, 1.0]]]))
    tensor([0.], dtype=torch.float64)
    """
    return 2 * factors.diagonal(dim1=-2, dim2=-1).double().log().sum(-1)
