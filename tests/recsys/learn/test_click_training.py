"""Training of click models: what it finds, what it keeps, what it never reads."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from graphforget._lightning import pl
from graphforget.core.config import from_config, to_config
from graphforget.core.errors import UserError
from recsys.learn import (
    ClickDataModule,
    ClickModule,
    ClickTraining,
    DenseAdam,
    LazyAdam,
    evaluate,
    predict,
    roc_auc,
    train_click,
)
from recsys.learn.click_data import Batches, ClickRows
from recsys.learn.click_training import fit_click
from recsys.models import FM, MLP, ClickModel, DeepFM
from recsys.table import ClickTable, Part, planted_table

QUICK = ClickTraining(width=4, epochs=3, batch_size=200, learning_rate=0.02)
PLANTED = planted_table(2000, seed=0)
TABLE = PLANTED.table
BOTH = pytest.mark.parametrize("optimizer", [DenseAdam(), LazyAdam()], ids=["dense", "lazy"])


def same(one, other):
    """Whether two models have the same bits."""
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


@BOTH
def test_a_planted_effect_is_found(optimizer):
    fitted = train_click(TABLE, DeepFM(), replace(QUICK, epochs=8, optimizer=optimizer), seed=0)
    rows = TABLE.rows(Part.TEST)
    best = roc_auc(TABLE.label[rows], PLANTED.chance[rows])
    assert evaluate(fitted.model, TABLE, Part.TEST).auc > best - 0.05 > 0.75
    assert fitted.seconds > 0 and not fitted.model.training


@BOTH
def test_the_same_seed_gives_the_same_bits_and_leaves_torchs_generator_alone(optimizer):
    training = replace(QUICK, epochs=2, optimizer=optimizer)
    state = torch.random.get_rng_state()
    first = train_click(TABLE, DeepFM(), training, seed=1)
    assert torch.equal(torch.random.get_rng_state(), state)
    torch.manual_seed(99)
    again, other = (train_click(TABLE, DeepFM(), training, seed=seed) for seed in (1, 2))
    assert same(first.model, again.model) and first.history == again.history
    assert not same(first.model, other.model)


def test_training_is_the_plain_loop_with_adam():
    training = replace(QUICK, epochs=2)
    fitted = train_click(no_validation(TABLE), FM(), training, seed=3)
    model = ClickModel.of(TABLE.fields, FM(), 4, seed=3).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=training.learning_rate)
    batches = Batches(ClickRows(TABLE, TABLE.rows(Part.TRAIN)), 200, seed=3)
    for _ in range(2):
        for ids, label in batches:
            optimizer.zero_grad()
            F.binary_cross_entropy_with_logits(model(ids), label).backward()
            optimizer.step()
    ours, theirs = fitted.model.embedding.weight, model.embedding.weight
    torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-5)


def test_the_best_weights_are_put_back_even_when_epochs_run_out():
    steep = replace(QUICK, epochs=6, patience=6, learning_rate=0.1)
    fitted = train_click(TABLE, DeepFM(), steep, seed=0)
    aucs = [epoch.auc for epoch in fitted.history]
    assert len(aucs) == 6
    assert fitted.best_epoch == 1 + int(np.argmax(aucs)) < 6
    scores = evaluate(fitted.model, TABLE, Part.VAL)
    best = fitted.history[fitted.best_epoch - 1]
    assert (scores.auc, scores.logloss) == pytest.approx((best.auc, best.logloss), abs=1e-6)


@pytest.mark.parametrize("patience", [1, 2])
def test_training_stops_at_the_epoch_that_exhausts_the_patience(patience):
    steep = ClickTraining(4, 30, patience, 200, learning_rate=0.1)
    fitted = train_click(TABLE, DeepFM(), steep, seed=0)
    assert len(fitted.history) == fitted.best_epoch + patience < 30


def test_test_rows_are_never_read():
    rows = TABLE.rows(Part.TEST)
    label, columns = TABLE.label.copy(), [column.copy() for column in TABLE.columns]
    label[rows] = 1 - label[rows]
    for column in columns:
        column[rows] = 0
    poisoned = replace(TABLE, label=label, columns=tuple(columns))
    clean, other = (train_click(table, DeepFM(), QUICK, seed=0) for table in (TABLE, poisoned))
    assert same(clean.model, other.model)
    label[TABLE.rows(Part.TRAIN)[0]] ^= 1  # the poison would have been seen
    assert not same(clean.model, train_click(replace(TABLE, label=label), FM(), QUICK, 0).model)


def no_validation(table):
    part = table.part.copy()
    part[part == Part.VAL] = Part.TEST
    return replace(table, part=part)


def test_without_validation_rows_all_epochs_are_trained():
    fitted = train_click(no_validation(TABLE), DeepFM(), QUICK, seed=0)
    assert [epoch.auc for epoch in fitted.history] == [None] * 3
    assert fitted.best_epoch == 3
    assert fitted.history[-1].loss < fitted.history[0].loss


def test_training_goes_on_from_a_model_that_is_there():
    fitted = train_click(no_validation(TABLE), DeepFM(), replace(QUICK, epochs=2), seed=0)
    more = fit_click(fitted.model, no_validation(TABLE), QUICK, seed=1)
    assert more.model is fitted.model
    assert more.history[0].loss < fitted.history[0].loss


def test_the_model_is_left_with_dense_gradients_and_none_of_them():
    model = train_click(TABLE, DeepFM(), replace(QUICK, epochs=1), seed=0).model
    assert all(weight.grad is None and weight.requires_grad for weight in model.parameters())
    model(torch.zeros(2, TABLE.num_fields).long()).sum().backward()
    assert not model.embedding.weight.grad.is_sparse


def test_a_multi_valued_field_takes_part():
    draw = np.random.default_rng(0)
    genres = draw.integers(1, 9, size=(600, 3))
    genres[:, 2] = 0
    label = (genres == 1).any(1) | (draw.random(600) < 0.1)
    part = np.repeat([Part.TRAIN, Part.VAL], [400, 200])
    table = ClickTable.from_arrays("genres", {"genres": genres}, label, part)
    fitted = train_click(table, MLP(), replace(QUICK, epochs=20, batch_size=50), seed=0)
    assert fitted.history[fitted.best_epoch - 1].auc > 0.8


def test_diverged_training_says_so():
    wild = replace(QUICK, learning_rate=1e30)
    with pytest.raises(UserError, match=r"diverged in epoch \d.*lower the learning rate"):
        train_click(TABLE, FM(), wild, seed=0)


def test_validation_rows_of_one_label_are_told():
    label = TABLE.label.copy()
    label[TABLE.rows(Part.VAL)] = 1
    with pytest.raises(UserError, match="have label 1"):
        train_click(replace(TABLE, label=label), FM(), QUICK, seed=0)


@pytest.mark.parametrize(
    "wrong", [{"width": 0}, {"width": 2.5}, {"epochs": 0}, {"patience": 0}, {"batch_size": 1},
              {"learning_rate": 0.0}, {"learning_rate": float("nan")}, {"weight_decay": -1.0}],
)
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(UserError, match=f"training: {next(iter(wrong))} must be"):
        ClickTraining(**wrong)


def test_settings_and_backbones_go_through_json():
    for each in (ClickTraining(optimizer=LazyAdam()), DeepFM(hidden=(8,)), FM()):
        assert from_config(to_config(each)) == each


@pytest.mark.parametrize("options", [
    {}, {"precision": "bf16-mixed"}, {"gradient_clip_val": 0.5}, {"accumulate_grad_batches": 2},
], ids=lambda options: next(iter(options), "plain"))
def test_a_user_trains_with_a_trainer_of_his_own(options, tmp_path):
    module = ClickModule(ClickModel.of(TABLE.fields, DeepFM(), 4, seed=0), QUICK)
    trainer = pl.Trainer(
        max_epochs=4, accelerator="cpu", logger=False, enable_progress_bar=False,
        enable_model_summary=False, default_root_dir=tmp_path,
        callbacks=[
            pl.callbacks.EarlyStopping("val_auc", mode="max"),
            pl.callbacks.ModelCheckpoint(tmp_path, monitor="val_auc", mode="max"),
        ],
        **options,
    )
    trainer.fit(module, datamodule=ClickDataModule(TABLE, 200, seed=0))
    logged = float(trainer.callback_metrics["val_auc"])
    assert logged > 0.75
    tolerance = 0.01 if options.get("precision") else 1e-6
    assert evaluate(module.model, TABLE, Part.VAL).auc == pytest.approx(logged, abs=tolerance)
    saved = torch.load(trainer.checkpoint_callback.best_model_path, weights_only=True)
    module.load_state_dict(saved["state_dict"])


def test_a_user_tests_predicts_and_validates_when_he_likes():
    module = ClickModule(ClickModel.of(TABLE.fields, DeepFM(), 4, seed=0), QUICK)
    trainer = pl.Trainer(
        max_epochs=2, accelerator="cpu", logger=False, enable_progress_bar=False,
        enable_checkpointing=False, enable_model_summary=False, val_check_interval=3,
    )
    data = ClickDataModule(TABLE, 200, seed=0)
    trainer.fit(module, datamodule=data)
    assert [epoch.auc for epoch in module.history] == [None, None]  # none was validated at its end
    scores = evaluate(module.model, TABLE, Part.TEST)
    (logged,) = trainer.test(module, datamodule=data, verbose=False)
    assert logged["test_auc"] == pytest.approx(scores.auc, abs=1e-6)
    assert logged["test_logloss"] == pytest.approx(scores.logloss, abs=1e-6)
    answers = torch.cat(trainer.predict(module, datamodule=data))
    wanted = predict(module.model, TABLE, TABLE.rows(Part.TEST))
    np.testing.assert_allclose(answers, wanted, rtol=1e-5)


def test_sparse_gradients_are_not_clipped():
    module = ClickModule(
        ClickModel.of(TABLE.fields, FM(), 4, 0), replace(QUICK, optimizer=LazyAdam())
    )
    trainer = pl.Trainer(
        max_epochs=1, accelerator="cpu", logger=False, enable_progress_bar=False,
        enable_checkpointing=False, enable_model_summary=False, gradient_clip_val=1.0,
    )
    with pytest.raises(UserError, match="LazyAdam.*gradient_clip_val.*DenseAdam"):
        trainer.fit(module, datamodule=ClickDataModule(TABLE, 200))
