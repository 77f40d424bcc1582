"""ERASE for a Trainer of one's own."""

from __future__ import annotations

import copy
from typing import Any

from torch import Generator, Tensor, nn
from torch.optim import Optimizer
from torch_geometric.data import Data

from graphforget._lightning import pl
from graphforget.core.errors import UserError
from graphforget.learn.checks import check_classes, check_training, classes_of
from graphforget.learn.erase.batches import BatchObjective
from graphforget.learn.erase.epochs import fit_head
from graphforget.learn.erase.learner import ERASE
from graphforget.learn.erase.objective import ERASEObjective
from graphforget.learn.erase.rank import effective_rank
from graphforget.task import Task


class ERASEModule(pl.LightningModule):
    """A network of ERASE with its loss, for a Trainer and a `GraphDataModule` of one's own.

    Whole graphs and mini-batches are both taken: with batches, semantic labels are made anew from
    the whole graph at the start of each epoch. The head is fitted before each validation and at
    the end. Batches must come from the graph given here. With several processes, each with its own
    batches, the coding rate is that of all their rows together. To have weights averaged or
    collapses undone, train with `ERASE` itself.

    Args:
        model: an `ERASENetwork`, around any encoder.
        data: the graph; only labels of its training nodes are read in training.
        task: node classification.
        learner: the settings; those of the Trainer (epochs, patience, choice, snapshots), the
            average and the watch on the rank are not looked at.

    Raises:
        UserError: data that cannot be learnt from, or settings with two passes.

    Example:
        >>> from graphforget.data import GraphDataModule, load_graph, split_nodes
        >>> from graphforget.task import NodeClassification
        >>> data, task = split_nodes(load_graph("digits"), seed=0), NodeClassification(10)
        >>> module = ERASEModule(ERASE().build(data, task, seed=0), data, task)
        >>> trainer = pl.Trainer(max_epochs=100)  # doctest: +SKIP
        >>> trainer.fit(module, datamodule=GraphDataModule(data))  # doctest: +SKIP
    """

    objective: ERASEObjective
    """What is minimised; it says the labels of the last step."""

    def __init__(
        self, model: nn.Module, data: Data, task: Task, learner: ERASE | None = None
    ) -> None:
        super().__init__()
        self.model, self.task = model, task
        self.learner = learner or ERASE()
        if self.learner.two_pass:
            raise UserError(
                "ERASEModule: two passes walk through all batches in one step, which a Trainer of "
                "one's own does not; train with ERASE itself, or set two_pass to false"
            )
        classes_of("ERASE", task)
        check_training(data, task)
        check_classes("ERASE", data, task)
        self._data = data

    def setup(self, stage: str) -> None:
        """Denoise the given labels along the edges, once."""
        if not hasattr(self, "objective"):
            data = copy.copy(self._data).to(self.device)  # of a copy, for it moves what it is given
            kind = BatchObjective if self.learner.batch_nodes else ERASEObjective
            self.objective = kind(self.learner, data, self.task, warm_up=self.learner.warm_up)
            trainer = self._trainer
            self.objective.distributed = trainer is not None and trainer.world_size > 1

    def forward(self, x: Tensor, edge_index: Tensor) -> Tensor:
        """The network's logits, shape ``(N, C)``."""
        return self.model(x, edge_index)

    def on_train_epoch_start(self) -> None:
        """Make labels for an epoch of batches."""
        if isinstance(self.objective, BatchObjective):
            self.objective.start_epoch(self.model)

    def training_step(self, batch: Data, batch_idx: int) -> Tensor:
        """The loss of a batch, or of the whole graph."""
        if isinstance(self.objective, BatchObjective):
            loss = self.objective.part(self.model, batch)
        else:
            loss = self.objective(self.model, Generator(device=self.device))
        self.log("train_loss", loss, batch_size=1)
        return loss

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Representations have changed."""
        self.objective.moved()

    def on_validation_epoch_start(self) -> None:
        """After some training, fit the head and log how many dimensions representations use."""
        if self.objective.epoch:
            z = fit_head(self.model, self.objective, self.learner.head)
            self.log("effective_rank", effective_rank(z), batch_size=1)

    def on_fit_end(self) -> None:
        """Fit the head to the last weights."""
        fit_head(self.model, self.objective, self.learner.head)

    def validation_step(self, batch: Data, batch_idx: int) -> None:
        """Log the accuracy on the validation nodes, by their labels as they are."""
        self._log_scores(batch, "val_")

    def test_step(self, batch: Data, batch_idx: int) -> None:
        """Log the scores of the test nodes."""
        self._log_scores(batch, "test_")

    def configure_optimizers(self) -> Optimizer:
        """The learner's: Adam in its variant AMSGrad."""
        return self.learner.optimizer(self.parameters())

    def _log_scores(self, batch: Data, part: str) -> None:
        scores = self.task.evaluate(self.model, batch)
        self.log_dict({k: v for k, v in scores.items() if k.startswith(part)}, batch_size=1)
