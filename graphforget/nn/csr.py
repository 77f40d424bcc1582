"""Compressed sparse rows, without torch's remark that its support for them is new."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor


def csr(start: Tensor, column: Tensor, values: Tensor, shape: tuple[int, ...]) -> Tensor:
    """A sparse matrix of parts that fit together, which is not checked.

    Args:
        start: where the entries of each row begin and the last one's end, shape ``(N + 1,)``.
        column: of each entry, shape ``(E,)``, of the type of ``start``.
        values: shape ``(E,)``.
        shape: ``(N, M)``.

    >>> csr(torch.tensor([0, 0, 1]), torch.tensor([0]), torch.tensor([5.0]), (2, 2)).to_dense()
    tensor([[0., 0.],
            [5., 0.]])
    """
    with unremarked():
        return torch.sparse_csr_tensor(start, column, values, shape, check_invariants=False)


@contextmanager
def unremarked() -> Iterator[None]:
    """A block in which torch makes CSR tensors without a word."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
        yield
