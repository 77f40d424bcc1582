"""The embedding: whose rows are read, how values are averaged, what gradients say."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from graphforget.core.errors import UserError
from recsys.models import FieldEmbedding, check_ids
from recsys.models.row_sums import SparseLookup, row_sums
from recsys.table import Field, Kind

FIELDS = (Field("user", 3), Field("genres", 5, Kind.MULTI, width=3), Field("item", 4))


def test_each_field_reads_its_own_rows():
    embedding = FieldEmbedding([Field("user", 3), Field("item", 4)], width=2, seed=0)
    e = embedding(torch.tensor([[2, 0], [0, 3]]))
    assert torch.equal(e[0], embedding.weight[[2, 3]])
    assert torch.equal(e[1], embedding.weight[[0, 6]])
    assert embedding.starts == (0, 3)
    assert embedding.width == 2


def test_several_values_are_averaged_without_the_padding():
    embedding = FieldEmbedding(FIELDS, width=2, seed=0)
    e = embedding(torch.tensor([[1, 2, 4, 0, 3], [1, 0, 0, 0, 3], [1, 1, 0, 0, 3]]))
    genres = embedding.weight[3:8]
    torch.testing.assert_close(e[0, 1], (genres[2] + genres[4]) / 2)
    torch.testing.assert_close(e[1, 1], genres[0])  # no value at all: the row of the missing
    torch.testing.assert_close(e[2, 1], genres[1])
    assert torch.equal(e[:, 2], embedding.weight[11].expand(3, 2))


def test_fresh_weights_are_small_and_the_seeds():
    fields = [Field("user", 20_000)]
    weight = FieldEmbedding(fields, width=8, seed=1).weight.detach()
    assert float(weight.std()) == pytest.approx(0.01, rel=0.02)
    assert abs(float(weight.mean())) < 1e-4
    assert torch.equal(weight, FieldEmbedding(fields, width=8, seed=1).weight)
    assert not torch.equal(weight, FieldEmbedding(fields, width=8, seed=2).weight)


@pytest.mark.parametrize("fields", [FIELDS[::2], FIELDS], ids=["single", "multi"])
def test_sparse_gradients_are_the_dense_ones_of_touched_rows(fields):
    columns = sum(field.width for field in fields)
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(3, (16, columns), generator=generator)
    embedding = FieldEmbedding(fields, width=4, seed=0).double()
    factor = torch.randn(16, len(fields), 4, generator=generator, dtype=torch.float64)
    found = {}
    for sparse in (False, True):
        embedding.sparse, embedding.weight.grad = sparse, None
        (embedding(ids) * factor).sum().backward()
        found[sparse] = embedding.weight.grad
    assert found[True].is_sparse and not found[False].is_sparse
    torch.testing.assert_close(found[True].to_dense(), found[False])
    touched = torch.unique(ids + embedding.offsets)
    assert torch.equal(found[True]._indices()[0], touched)


@pytest.mark.parametrize("number", [400, 10_000, 40_000])
def test_row_sums_are_those_of_a_loop(number):
    generator = torch.Generator().manual_seed(0)
    places = torch.randint(50, (number,), generator=generator)
    values = torch.randn(number, 3, dtype=torch.float64, generator=generator)
    rows, sums = row_sums(places, values)
    assert torch.equal(rows, places.unique())
    for row, total in zip(rows, sums, strict=True):
        torch.testing.assert_close(total, values[places == row].sum(0))


def test_the_lookup_is_that_of_torch():
    weight, places = torch.randn(9, 2), torch.tensor([[8, 0], [3, 3]])
    assert torch.equal(SparseLookup.apply(weight, places), F.embedding(places, weight))


@pytest.mark.parametrize("ids", [torch.zeros(4, 4, dtype=torch.int64), torch.zeros(5).long()])
def test_a_wrong_shape_names_the_fields(ids):
    with pytest.raises(UserError, match=r"\(B, 5\) for the fields user, genres, item"):
        FieldEmbedding(FIELDS, width=2, seed=0)(ids)


@pytest.mark.parametrize(("column", "value", "name"), [(0, 3, "user"), (2, 5, "genres"),
                                                       (4, -1, "item")])
def test_ids_of_another_field_are_found(column, value, name):
    ids = torch.zeros(3, 5, dtype=torch.int64)
    check_ids(FIELDS, ids)
    check_ids(FIELDS, ids[:0])
    ids[1, column] = value
    with pytest.raises(UserError, match=f"field '{name}'.*got {value} in row 1"):
        check_ids(FIELDS, ids)


def test_an_embedding_of_nothing_is_refused():
    with pytest.raises(UserError, match="at least one field"):
        FieldEmbedding([], width=2, seed=0)
