"""Features keep their form, and their meaning, through what is done to them."""

from __future__ import annotations

import pytest
import torch
from torch_geometric.data import Data

from graphforget.nn.features import dropped, sparse_features, unit_rows


def test_dropout_of_sparse_features_has_the_same_mean():
    x = torch.zeros(50, 40)
    x[:, ::20] = 1.0
    sparse = sparse_features(Data(x=x)).x
    torch.manual_seed(0)
    drawn = torch.stack([dropped(sparse, 0.5).to_dense() for _ in range(200)])
    assert set(drawn.unique().tolist()) == {0.0, 2.0}
    assert bool((drawn[:, x == 0] == 0).all())
    assert float(drawn.mean(0)[x > 0].mean()) == pytest.approx(1.0, abs=0.05)


def test_unit_rows_are_the_same_sparse_and_dense():
    x = torch.zeros(50, 40)
    x[torch.arange(49), torch.arange(49) % 40] = torch.arange(49.0) - 20
    x[:, 7] += 0.5
    x[49] = 0
    sparse = sparse_features(Data(x=x)).x
    assert sparse.layout is torch.sparse_csr
    torch.testing.assert_close(unit_rows(sparse).to_dense(), unit_rows(x))
    norms = unit_rows(x).abs().sum(1)
    assert norms[49] == 0 and norms[:49].allclose(torch.ones(49))
