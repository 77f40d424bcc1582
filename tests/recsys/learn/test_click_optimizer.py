"""Optimisers of click models against torch's."""

from __future__ import annotations

import pickle

import pytest
import torch
from torch import nn

from graphforget.core.errors import UserError
from recsys.learn import ClickTraining, DenseAdam, LazyAdam
from recsys.learn.click_rowwise_adam import RowwiseAdam
from recsys.learn.click_spread_adam import SpreadAdam, touched_rows
from recsys.learn.click_together import Together


def gradients(steps=6, rows=20, width=3, coalesced=True):
    """Sparse gradients of a table, another set of rows at each step."""
    generator = torch.Generator().manual_seed(0)
    for _ in range(steps):
        places = torch.randint(rows, (8,), generator=generator)
        if coalesced:
            places = places.unique()
        values = torch.randn(len(places), width, generator=generator)
        yield torch.sparse_coo_tensor(
            places[None], values, (rows, width), check_invariants=True
        )


def walk(optimizer, weight, dense=False, **kwargs):
    """Take the steps and return the weight after each."""
    seen = []
    for gradient in gradients(**kwargs):
        weight.grad = gradient.to_dense() if dense else gradient
        optimizer.step()
        seen.append(weight.detach().clone())
    return torch.stack(seen)


def fresh():
    return nn.Parameter(torch.linspace(-1, 1, 60).reshape(20, 3))


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
@pytest.mark.parametrize("coalesced", [True, False])
def test_sparse_gradients_move_every_row_as_dense_ones_do(weight_decay, coalesced):
    ours, theirs = fresh(), fresh()
    ours_seen = walk(
        SpreadAdam([ours], lr=0.1, weight_decay=weight_decay, fused=True), ours, False,
        coalesced=coalesced,
    )
    reference = torch.optim.Adam([theirs], lr=0.1, weight_decay=weight_decay, fused=True)
    assert torch.equal(ours_seen, walk(reference, theirs, True, coalesced=coalesced))


def test_dense_gradients_are_taken_too():
    one, other = fresh(), fresh()
    assert torch.equal(
        walk(SpreadAdam([one], lr=0.1, fused=True), one, True),
        walk(torch.optim.Adam([other], lr=0.1, fused=True), other, True),
    )


@pytest.mark.parametrize("coalesced", [True, False])
def test_rowwise_adam_is_torchs_sparse_adam(coalesced):
    ours, theirs = fresh(), fresh()
    torch.testing.assert_close(
        walk(RowwiseAdam([ours], lr=0.1), ours, coalesced=coalesced),
        walk(torch.optim.SparseAdam([theirs], lr=0.1), theirs, coalesced=coalesced),
        rtol=0, atol=1e-4,  # SparseAdam adds eps before the correction of the bias, Adam after it
    )


def test_rowwise_adam_is_adam_where_every_row_is_touched():
    def steps(optimizer, weight):
        generator = torch.Generator().manual_seed(0)
        for _ in range(5):
            dense = torch.randn(20, 3, generator=generator)
            weight.grad = dense.to_sparse(1) if isinstance(optimizer, RowwiseAdam) else dense
            optimizer.step()
        return weight

    ours, theirs = fresh(), fresh()
    torch.testing.assert_close(
        steps(RowwiseAdam([ours], lr=0.1), ours), steps(torch.optim.Adam([theirs], lr=0.1), theirs)
    )


def test_rows_that_are_not_touched_keep_still_with_their_moments():
    weight = fresh()
    optimizer = RowwiseAdam([weight], lr=0.1)
    walk(optimizer, weight)
    before, moments = weight.detach().clone(), optimizer.state[weight]["moments"].clone()
    weight.grad = torch.sparse_coo_tensor([[4]], [[1.0, 1, 1]], (20, 3), check_invariants=True)
    optimizer.step()
    still = torch.arange(20) != 4
    assert torch.equal(weight[still], before[still])
    assert torch.equal(optimizer.state[weight]["moments"][still], moments[still])
    assert not torch.equal(weight[4], before[4])


def test_rows_named_twice_are_added():
    rows, values = touched_rows(
        torch.sparse_coo_tensor([[3, 1, 3]], [[1.0], [2], [4]], (5, 1), check_invariants=True)
    )
    assert rows.tolist() == [1, 3] and values.tolist() == [[2], [5]]


def test_optimisers_together_step_as_they_do_alone_and_remember():
    def start():
        table, other = fresh(), nn.Parameter(torch.ones(3))
        return table, other, LazyAdam().build(table, [other], 0.1, 0.0)

    def step(table, other, optimizer, number):
        table.grad = list(gradients())[number]
        other.grad = torch.full((3,), float(number + 1))
        optimizer.step()

    table, other, both = start()
    alone = fresh()
    walk(RowwiseAdam([alone], lr=0.1), alone, steps=4)
    for number in range(2):
        step(table, other, both, number)
    later_table, later_other, later = start()
    with torch.no_grad():
        later_table.copy_(table), later_other.copy_(other)
    later.load_state_dict(pickle.loads(pickle.dumps(both.state_dict())))
    for number in (2, 3):
        step(table, other, both, number)
        step(later_table, later_other, later, number)
    assert torch.equal(table, alone)
    assert torch.equal(table, later_table) and torch.equal(other, later_other)


def test_a_schedule_reaches_all_that_step_together():
    one, other = nn.Parameter(torch.zeros(1)), nn.Parameter(torch.zeros(1))
    parts = [torch.optim.SGD([one], lr=1.0), torch.optim.SGD([other], lr=1.0)]
    both = Together(parts)
    for group in both.param_groups:
        group["lr"] = 0.5
    one.grad = other.grad = torch.ones(1)
    assert both.step(lambda: 7) == 7
    assert one.item() == other.item() == -0.5
    both.zero_grad()
    assert one.grad is None and other.grad is None


def test_lazy_rows_know_no_weight_decay():
    with pytest.raises(UserError, match="LazyAdam.*weight decay.*DenseAdam"):
        ClickTraining(weight_decay=0.1, optimizer=LazyAdam())
    with pytest.raises(UserError, match="LazyAdam"):
        LazyAdam().build(fresh(), [], 0.1, 0.1)
    assert ClickTraining(weight_decay=0.1).optimizer == DenseAdam()
