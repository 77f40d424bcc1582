"""Gates: which batches move them, with which optimiser, and who tells them the time."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from graphforget._lightning import pl
from graphforget.core.errors import UserError
from recsys.learn import ClickDataModule, ClickModule, ClickTraining, train_click
from recsys.models import FM, ClickModel, DeepFM, Gate
from recsys.table import Part, planted_table

TABLE = planted_table(1000, seed=0).table
QUICK = ClickTraining(width=4, epochs=2, batch_size=100, learning_rate=0.02)


class Weights(Gate):
    """One weight a field."""

    def __init__(self, fields=TABLE.num_fields, penalty=0.0, optimizer=None, every=0):
        super().__init__()
        self.field = nn.Parameter(torch.ones(fields))
        self.strength, self.optimizer, self.validation_every = penalty, optimizer, every
        self.steps, self.epochs, self.calls = 0, [], 0

    def forward(self, e, ids):
        self.calls += 1
        return e * self.field[:, None]

    def penalty(self):
        return self.strength * self.field.abs().sum() if self.strength else None

    def own_optimizer(self, parameters):
        return None if self.optimizer is None else self.optimizer(parameters)

    def after_step(self):
        self.steps += 1

    def after_epoch(self, epoch):
        self.epochs.append((epoch, self.training))


def test_a_gate_learns_with_the_network():
    gate = Weights()
    fitted = train_click(TABLE, DeepFM(), QUICK, seed=0, gate=gate)
    assert fitted.model.gate is gate
    assert (gate.field != 1).all()
    assert gate.steps == 14 and gate.epochs == [(1, True), (2, True)]


def test_a_penalty_pulls_the_gate():
    free, pulled = Weights(), Weights(penalty=10.0)
    for gate in (free, pulled):
        train_click(TABLE, DeepFM(), QUICK, seed=0, gate=gate)
    assert pulled.field.sum() < free.field.sum() - 0.5


def test_an_optimizer_of_its_own_moves_the_gate_and_nothing_else_does():
    still = Weights(optimizer=lambda given: torch.optim.SGD(given, lr=0.0))
    moved = Weights(optimizer=lambda given: torch.optim.SGD(given, lr=1.0))
    for gate in (still, moved):
        fitted = train_click(TABLE, DeepFM(), QUICK, seed=0, gate=gate)
    assert torch.equal(still.field, torch.ones_like(still.field))
    assert (moved.field != 1).all()
    assert fitted.history[1].loss < fitted.history[0].loss


def sgd(given):
    return torch.optim.SGD(given, lr=1.0)


def test_turns_on_validation_rows_are_taken_every_kth_step_and_move_the_gate_alone():
    every, never = Weights(optimizer=sgd, every=3), Weights(optimizer=sgd, every=1000)
    taken = []

    class Watch(pl.Callback):
        def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
            taken.append(pl_module.model.gate.field.detach().clone())

    one_epoch = replace(QUICK, epochs=1)
    train_click(TABLE, FM(), one_epoch, seed=0, gate=every, callbacks=[Watch()])
    # Callbacks of the module come after the user's: a turn shows at the next batch.
    moved = [not torch.equal(*pair) for pair in zip(taken[1:], taken, strict=False)]
    assert len(taken) == 7 and moved == [False, False, True, False, False, True]
    train_click(TABLE, FM(), one_epoch, seed=0, gate=never)
    assert torch.equal(never.field, torch.ones_like(never.field))
    assert every.field.requires_grad and every.field.grad is None


def test_gates_in_turns_learn_nothing_from_training_labels():
    """With a network that stands still, flipped training labels do not reach such a gate."""
    label = TABLE.label.copy()
    label[TABLE.rows(Part.TRAIN)] ^= 1
    flipped = replace(TABLE, label=label)
    frozen = replace(QUICK, epochs=1, learning_rate=1e-30)

    def gate_after(table, every):
        gate = Weights(optimizer=sgd, every=every)
        train_click(table, DeepFM(), frozen, seed=0, gate=gate)
        return gate.field

    assert torch.equal(gate_after(TABLE, 2), gate_after(flipped, 2))
    assert not torch.equal(gate_after(TABLE, 0), gate_after(flipped, 0))
    label[TABLE.rows(Part.VAL)] ^= 1
    assert not torch.equal(gate_after(TABLE, 2), gate_after(flipped, 2))


def test_turns_are_reproducible():
    first, again = Weights(optimizer=sgd, every=2), Weights(optimizer=sgd, every=2)
    for gate in (first, again):
        train_click(TABLE, DeepFM(), QUICK, seed=5, gate=gate)
    assert torch.equal(first.field, again.field)
    assert (first.field != 1).all()


def test_a_gate_without_weights_is_fine():
    class Fixed(Gate):
        def forward(self, e, ids):
            return e * 0.5

    assert train_click(TABLE, DeepFM(), QUICK, seed=0, gate=Fixed()).best_epoch >= 1


@pytest.mark.parametrize("case", ["optimizer", "rows", "loaders"])
def test_what_turns_need_is_told(case):
    gate, table, match = Weights(optimizer=sgd, every=2), TABLE, "ClickDataModule"
    if case == "optimizer":
        gate, match = Weights(every=2), "Weights.*own_optimizer"
    if case == "rows":
        part = TABLE.part.copy()
        part[part == Part.VAL] = Part.TEST
        table, match = replace(TABLE, part=part), "the table has none"
    with pytest.raises(UserError, match=match):
        if case == "loaders":
            trainer = pl.Trainer(
                max_epochs=1, accelerator="cpu", logger=False, enable_progress_bar=False,
                enable_checkpointing=False, enable_model_summary=False,
            )
            module = ClickModule(ClickModel.of(table.fields, FM(), 4, 0, gate), QUICK)
            trainer.fit(module, ClickDataModule(table).train_dataloader())
        else:
            train_click(table, FM(), QUICK, seed=0, gate=gate)
    assert gate.field.requires_grad
