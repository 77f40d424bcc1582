"""Click training in two processes."""

from __future__ import annotations

import pytest
import torch

from graphforget._lightning import pl
from recsys.learn import ClickDataModule, ClickModule, ClickTraining, DenseAdam, LazyAdam, evaluate
from recsys.models import FM, ClickModel
from recsys.table import Part, planted_table

TABLE = planted_table(1003, seed=0).table


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", [DenseAdam(), LazyAdam()], ids=["dense", "lazy"])
def test_two_processes_do_what_one_does_with_batches_twice_as_large(optimizer):
    """702 training rows in 6 steps an epoch; the odd number of validation rows is shared, too."""
    trained, logged = [], []
    for processes, batch in ((1, 120), (2, 60)):
        settings = ClickTraining(4, 2, 3, batch, learning_rate=0.02, optimizer=optimizer)
        module = ClickModule(ClickModel.of(TABLE.fields, FM(), 4, seed=0), settings)
        trainer = pl.Trainer(
            max_epochs=2, accelerator="cpu", devices=processes, logger=False,
            strategy="ddp_spawn" if processes > 1 else "auto", enable_checkpointing=False,
            enable_progress_bar=False, enable_model_summary=False,
        )
        trainer.fit(module, datamodule=ClickDataModule(TABLE, batch, seed=0))
        trained.append(module.model)
        logged.append(float(trainer.callback_metrics["val_auc"]))
    weights = [model.embedding.weight for model in trained]
    torch.testing.assert_close(*weights, rtol=1e-3, atol=1e-5)
    for model, auc in zip(trained, logged, strict=True):
        assert evaluate(model, TABLE, Part.VAL).auc == pytest.approx(auc, abs=1e-6)
    assert logged[0] > 0.6
