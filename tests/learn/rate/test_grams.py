"""Grams add up, and two passes over batches give what all rows at once give."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from graphforget.core.errors import UserError
from graphforget.learn.rate.factors import class_grams, factors
from graphforget.learn.rate.grams import two_pass
from graphforget.learn.rate.loss import coding_rate_loss
from graphforget.learn.trainer import descend
from graphforget.nn import GCN

CLASSES = 3


class Collapse(nn.Module):
    """Rows of length one that hardly differ."""

    def forward(self, z):
        return nn.functional.normalize(torch.ones(12, dtype=z.dtype) + z / 100, dim=1)


def network(*extra: nn.Module) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 24), *extra, nn.ReLU(), nn.Linear(24, 12))


def table(count: int = 60) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(count, 6, generator=generator)
    return x, torch.randint(-1, CLASSES, (count,), generator=generator)


def represent(model, batch):
    x, labels = batch
    return model(x), labels


def batches(*sizes: int):
    x, labels = table(sum(sizes))
    return list(zip(x.split(sizes), labels.split(sizes), strict=True))


def gradients(loss, model) -> list[torch.Tensor]:
    model.zero_grad()
    loss.backward()
    return [weight.grad.clone() for weight in model.parameters()]


def assert_same(found, true):
    for a, b in zip(found, true, strict=True):
        assert float((a - b).norm()) <= 1e-5 * float(b.norm()) + 1e-12


def test_grams_of_classes_and_of_batches_add_up_to_the_gram_of_all():
    x, labels = table()
    whole = class_grams(x, labels, CLASSES)
    kept = x[labels >= 0]
    torch.testing.assert_close(whole.sum(0), kept.T @ kept)
    into = class_grams(x[:25], labels[:25], CLASSES)
    torch.testing.assert_close(class_grams(x[25:], labels[25:], CLASSES, into), whole)


def test_chunks_of_rows_change_nothing(monkeypatch):
    x, labels = table()
    whole = class_grams(x, labels, CLASSES)
    monkeypatch.setattr("graphforget.learn.rate.factors.CHUNK", 7)
    torch.testing.assert_close(class_grams(x, labels, CLASSES), whole)


def test_the_matrices_turn_rows_into_their_gradients():
    x, labels = table()
    z = x.double().requires_grad_()
    loss = coding_rate_loss(z, labels, CLASSES, 1.2, 1.6, 0.1)
    loss.backward()
    counts = torch.bincount(labels[labels >= 0], minlength=CLASSES)
    grams = class_grams(z.detach(), labels, CLASSES)
    value, matrices, whole = factors(grams, counts, 1.2, 1.6, 0.1)
    torch.testing.assert_close(value, loss.detach())
    for k in range(CLASSES):
        rows = labels == k
        torch.testing.assert_close(z.detach()[rows] @ matrices[k], z.grad[rows])
    rest, more, shared = factors(
        grams[:1], counts[:1], 1.2, 1.6, 0.1, grams[1:].sum(0), counts[1:].sum()
    )
    torch.testing.assert_close(more[0], matrices[0])
    torch.testing.assert_close(shared, whole)


def test_no_row_in_any_class_is_no_loss():
    value, matrices, _ = factors(torch.zeros(2, 3, 3), torch.zeros(2, dtype=torch.int64))
    assert value == 0 and not matrices.any()


@pytest.mark.parametrize("sizes", [(60,), (30, 30), (1, 50, 9), (7,) * 8 + (4,)])
def test_two_passes_are_all_rows_at_once(sizes):
    model, (x, labels) = network(), table()
    true = coding_rate_loss(model(x), labels, CLASSES, 1.1, 1.5, 0.1)
    loss = two_pass(model, batches(*sizes), represent, CLASSES, 1.1, 1.5, 0.1)
    torch.testing.assert_close(loss, true, rtol=1e-5, atol=0)
    assert_same(gradients(loss, model), gradients(true, model))


def test_a_graph_network_over_parts_of_its_nodes(tiny_graph):
    model = GCN(16).build(8, 12, seed=0)
    parts = [torch.arange(60) % 4 == part for part in range(4)]

    def part_of(model, part):
        z = model(tiny_graph.x, tiny_graph.edge_index)
        return z, torch.where(part, tiny_graph.y, -1)

    true = coding_rate_loss(model(tiny_graph.x, tiny_graph.edge_index), tiny_graph.y, CLASSES)
    loss = two_pass(model, parts, part_of, CLASSES)
    torch.testing.assert_close(loss, true, rtol=1e-5, atol=0)
    assert_same(gradients(loss, model), gradients(true, model))


def test_both_passes_drop_the_same_units():
    model = network(nn.Dropout(0.5))
    states, rows = [], []

    def watched(model, batch):
        states.append(torch.get_rng_state())
        z, labels = represent(model, batch)
        rows.append(z.detach())
        return z, labels

    loss = two_pass(model, batches(20, 25, 15), watched, CLASSES, seed=3)
    assert all(torch.equal(a, b) for a, b in zip(rows[:3], rows[3:], strict=True))
    found = gradients(loss, model)
    parts = []
    for state, (x, _) in zip(states[:3], batches(20, 25, 15), strict=True):
        torch.set_rng_state(state)
        parts.append(model(x))
    true = coding_rate_loss(torch.cat(parts), table()[1], CLASSES)
    assert_same(found, gradients(true, model))
    other = gradients(two_pass(model, batches(20, 25, 15), represent, CLASSES, seed=4), model)
    assert not torch.equal(other[0], found[0])
    assert not torch.equal(states[0], states[1])  # batches are not given one mask


def test_running_means_move_once_and_the_global_generator_not_at_all():
    model = network(nn.BatchNorm1d(24))
    once = copy.deepcopy(model)
    for x, _ in batches(20, 40):
        once(x)
    torch.manual_seed(7)
    before = torch.get_rng_state()
    two_pass(model, batches(20, 40), represent, CLASSES)
    assert torch.equal(torch.get_rng_state(), before)
    for a, b in zip(model.buffers(), once.buffers(), strict=True):
        assert torch.equal(a, b)


def test_frozen_weights_and_weights_without_a_part_in_it():
    model, (x, labels) = network(), table()
    model.unused = nn.Linear(2, 2)
    model[0].weight.requires_grad_(False)
    two_pass(
        model, [(x, labels)], lambda _, batch: (model[:3](batch[0]), batch[1]), CLASSES
    ).backward()
    assert model[0].weight.grad is None and not model.unused.weight.grad.any()
    assert model[2].weight.grad.any()


def test_without_gradient_one_pass_is_enough():
    walked = []

    class Batches:
        def __iter__(self):
            walked.append(1)
            return iter(batches(20, 40))

    model = network()
    with torch.no_grad():
        value = two_pass(model, Batches(), represent, CLASSES)
    assert walked == [1] and not value.requires_grad
    torch.testing.assert_close(value, two_pass(model, batches(60), represent, CLASSES).detach())


def test_rows_that_have_nearly_collapsed_are_added_up_in_double_precision():
    model = nn.Sequential(network(), Collapse())
    x, labels = table(400)
    double = copy.deepcopy(model).double()
    true = coding_rate_loss(double(x.double()), labels, CLASSES)
    truth = gradients(true, double)
    seen = []

    def counted(model, batch):
        seen.append(1)
        return represent(model, batch)

    loss = two_pass(model, [(x, labels)], counted, CLASSES)
    assert len(seen) == 3 and loss.dtype == torch.float32
    torch.testing.assert_close(loss.double(), true, rtol=1e-5, atol=0)
    for a, b in zip(gradients(loss, model), truth, strict=True):
        assert float((a - b).norm()) < 1e-4 * float(b.norm())
    seen.clear()
    two_pass(network(), batches(60), lambda m, b: counted(lambda x: m(x) / 20, b), CLASSES)
    assert len(seen) == 2


def test_it_is_an_objective_like_any_other():
    model = network(nn.Dropout(0.1))
    start = float(two_pass(model.eval(), batches(30, 30), represent, CLASSES).detach())

    def objective(model, generator):
        seed = int(torch.randint(2**31, (), generator=generator))
        return two_pass(model, batches(30, 30), represent, CLASSES, seed=seed)

    descend(model, objective, torch.optim.Adam(model.parameters(), lr=0.01), 30, seed=0)
    assert two_pass(model, batches(30, 30), represent, CLASSES) < start - 1


def changing():
    turn = iter([batches(60), [(x, labels.clamp(min=0)) for x, labels in batches(60)]])

    class Batches:
        def __iter__(self):
            return iter(next(turn))

    return Batches()


@pytest.mark.parametrize("bad", [changing(), iter(batches(30, 30))], ids=["labels", "iterator"])
def test_batches_that_differ_between_the_passes_are_refused(bad):
    with pytest.raises(UserError, match="two passes: the second"):
        two_pass(network(), bad, represent, CLASSES)


def test_no_batch_and_bad_rows_are_refused():
    with pytest.raises(UserError, match="no batch"):
        two_pass(network(), [], represent, CLASSES)
    with pytest.raises(UserError, match="coding rate labels"):
        two_pass(network(), batches(60), represent, 2)
    with pytest.raises(UserError, match="not finite"):
        two_pass(network(), [(torch.full((2, 6), torch.nan), torch.tensor([0, 1]))], represent, 2)
    with pytest.raises(UserError, match="eps"):
        two_pass(network(), batches(60), represent, CLASSES, eps=0.0)
