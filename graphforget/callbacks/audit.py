"""Watch during training how well a model knows what it shall forget, or has forgotten."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch_geometric.data import Data

from graphforget.audit.membership import population_attack, separation
from graphforget.callbacks.base import Callback
from graphforget.callbacks.graphs import TrainingGraph
from graphforget.callbacks.network import Place, find_network
from graphforget.core.errors import UserError
from graphforget.request import ForgetRequest
from graphforget.request_file import read_requests
from graphforget.task import LinkPrediction, Task
from graphforget.trained import Trained

log = logging.getLogger(__name__)


@torch.no_grad()
def quick_audit(
    model: nn.Module, data: Data, task: Task, request: ForgetRequest, forgotten: bool
) -> dict[str, float]:
    """What a model says about forgotten, retained and test items, from one forward pass.

    For each of the three parts: the mean margin, and the accuracy (node classification) or the
    ROC-AUC against the held-out non-edges (link prediction). ``attack_auc`` is the
    `population_attack`, whose target is the value of a retrained model and not one half.

    Args:
        model: network with ``forward(x, edge_index)``; left in the mode it was in.
        data: the original graph, which still holds what the request names.
        task: what the model answers.
        request: what is, or is to be, forgotten.
        forgotten: ask on the graph without the items, not on the original.

    Returns:
        ``forgotten_margin``, ``retained_accuracy``, ``attack_auc`` and so on; a part without items
        is left out.
    """
    graph = request.probe(data) if forgotten else data
    modes = [(part, part.training) for part in model.modules()]
    try:
        output = model.eval()(graph.x, graph.edge_index)
    finally:
        for part, training in modes:
            part.training = training
    margin: dict[str, Tensor] = {}
    values: dict[str, float] = {}
    for name, items in _parts(data, task, request).items():
        if items.numel() == 0:
            continue
        margin[name] = task.margin(task.read(output, items), data, items)
        values[f"{name}_margin"] = float(margin[name].mean())
        values |= _utility(name, output, data, task, items)
    if "forgotten" in margin and "test" in margin:
        values["attack_auc"] = population_attack(margin["forgotten"], margin["test"])
    return values


class AuditCallback(Callback):
    """Logs `quick_audit` every k epochs under ``audit/``, through the Trainer's own loggers.

    Beside each value stands its distance from a retrained model under ``audit/gap_``, if there is
    an oracle. While training still reads the forgotten items the model is asked on that graph;
    once they are gone, on the graph without them.

    Args:
        request: what is, or is to be, forgotten; or a file with one request.
        task: what the network answers.
        every: log every so many epochs.
        oracle: a retrained model, or its run folder.
        network: where the network is in the LightningModule, see `find_network`.
        graph: attribute of the LightningModule that holds the graph, if training reads it there.
        data: the original graph, if training has started without the forgotten items.
    """

    def __init__(
        self,
        request: ForgetRequest | str | Path,
        task: Task,
        every: int = 1,
        oracle: Trained | str | Path | None = None,
        network: Place | None = None,
        graph: str | None = None,
        data: Data | None = None,
    ) -> None:
        if every < 1:
            raise UserError(f"AuditCallback every: wanted 1 or more epochs, got {every}")
        self.request = request if isinstance(request, ForgetRequest) else _only(request)
        self.task, self.every = task, every
        self.oracle = Trained.load(oracle) if isinstance(oracle, (str, Path)) else oracle
        self.network, self.graph, self.data = network, graph, data
        self._original: Data | None = data
        self._target: dict[str, float] = {}

    @property
    def state_key(self) -> str:
        """Several audits may watch one training."""
        return f"AuditCallback:{self.request.digest}"

    def setup(self, trainer: Any, pl_module: Any, stage: str) -> None:
        """Keep the graph of a datamodule before a restarted training takes anything out of it."""
        self._original = self.data
        if stage == "fit" and self.data is None and trainer.datamodule is not None:
            self._original = TrainingGraph(trainer, pl_module, self.graph).get()

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """Keep the graph as it is before anything is forgotten, and judge the oracle on it."""
        if self._original is None:
            self._original = TrainingGraph(trainer, pl_module, self.graph).get()
        if self.data is None and not self.request.held_by(self._original):
            log.warning(
                "AuditCallback: training starts without what the request names, so there is "
                "nothing to ask about; pass the original graph as data="
            )
            self._original = None
            return
        self.request.check(self._original, missing=True)
        if self.oracle is not None:
            self._target = quick_audit(
                self.oracle.model, self._original, self.task, self.request, forgotten=True
            )

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """Log the audit, if it is time."""
        if self._original is None or (trainer.current_epoch + 1) % self.every:
            return
        now = TrainingGraph(trainer, pl_module, self.graph).get()
        device = pl_module.device
        values = quick_audit(
            find_network(pl_module, self.network),
            self._original.clone().to(device),
            self.task,
            self.request,
            forgotten=not self.request.held_by(now, self._original),
        )
        gaps = {
            f"gap_{name}": abs(value - self._target[name])
            for name, value in values.items()
            if name in self._target
        }
        pl_module.log_dict(
            {f"audit/{name}": value for name, value in (values | gaps).items()},
            on_step=False,
            on_epoch=True,
            batch_size=1,
        )


def _only(path: str | Path) -> ForgetRequest:
    requests = read_requests(path)
    if len(requests) != 1:
        raise UserError(f"{path}: wanted one request to audit, got {len(requests)}")
    return requests[0]


def _parts(data: Data, task: Task, request: ForgetRequest) -> dict[str, Tensor]:
    forgotten = task.forgotten_items(request, data)
    if forgotten.dim() == 1 and isinstance(data.get("y"), Tensor):
        forgotten = forgotten[data.y[forgotten] >= 0]
    retained = request.retained(data)
    return {
        "forgotten": forgotten,
        "retained": task.train_items(retained),
        "test": task.test_items(retained),
    }


def _utility(name: str, output: Tensor, data: Data, task: Task, items: Tensor) -> dict[str, float]:
    logits = task.read(output, items)
    if not isinstance(task, LinkPrediction):
        return {f"{name}_accuracy": float((logits.argmax(-1) == data.y[items]).float().mean())}
    absent = data.test_neg_edge_index
    return {f"{name}_auc": separation(logits, task.read(output, absent))} if absent.numel() else {}
