"""A trained model with everything needed to use it, forget from it and audit it."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch_geometric.data import Data

from graphforget.core.errors import UserError
from graphforget.task import Task

if TYPE_CHECKING:  # protocols stand above this module
    from graphforget.protocols import Learner, Unlearner
    from graphforget.request import ForgetRequest


@dataclass(frozen=True)
class Step:
    """One request that was carried out, without the ids it named.

    The digest is not a secret: whoever guesses what was asked can check the guess against it.

    Args:
        digest: sha256 of the request.
        kind: its kind.
        size: number of ids it named.
        unlearner: the method.
        seed: the method's seed.
    """

    digest: str
    kind: str
    size: int
    unlearner: Unlearner
    seed: int


@dataclass(frozen=True, eq=False)
class Trained:
    """A model in eval mode, its data and how it came to be.

    Args:
        model: network with ``forward(x, edge_index) -> (N, C)``.
        data: the graph it answers on.
        task: what it answers.
        learner: how it was trained; None for a module of the user's own.
        seed: seed of the training.
        optimizer: the optimiser's last state, ``"<parameter>.<entry>"`` -> tensor; made with the
            training data and as private as they are.
        snapshots: epoch -> weights and optimiser state under ``model.`` and ``optimizer.``.
        history: the requests carried out since training, oldest first.
    """

    model: nn.Module
    data: Data
    task: Task
    learner: Learner | None = None
    seed: int = 0
    optimizer: Mapping[str, Tensor] = field(default_factory=dict)
    snapshots: Mapping[int, Mapping[str, Tensor]] = field(default_factory=dict)
    history: tuple[Step, ...] = ()

    def __post_init__(self) -> None:
        self.model.eval()

    @classmethod
    def wrap(
        cls, model: nn.Module, data: Data, task: Task, learner: Learner | None = None
    ) -> Trained:
        """A module of the user's own as a trained model.

        The module is not changed and stays in the mode it is in. What is wrapped is a twin in eval
        mode that shares its weights: train the module on, and the twin answers by the new weights.

        Args:
            model: any module with ``forward(x, edge_index)``.
            data: the graph it was trained on.
            task: what it answers.
            learner: how it could be trained further; methods that continue or repeat training
                refuse without one.

        Raises:
            UserError: if the module does not answer on the data with one row a node, of a width
                that the task can read.
        """
        task.check(data)
        try:
            twin = _twin(model).eval()
            with torch.no_grad():
                output = twin(data.x, data.edge_index)
        except Exception as error:
            raise UserError(
                f"{type(model).__name__}: wanted a module with forward(x, edge_index), got "
                f"{type(error).__name__}: {error}"
            ) from error
        if not isinstance(output, Tensor) or output.size(0) != data.num_nodes:
            raise UserError(
                f"{type(model).__name__}: wanted an output of {data.num_nodes} rows, one a node, "
                f"got {tuple(getattr(output, 'shape', ()))}"
            )
        if output.dim() != 2 or not task.reads(output.size(1)):
            raise UserError(
                f"{type(model).__name__}: wanted an output that {task} can read, one row a node "
                f"of {task.out_channels} columns, got shape {tuple(output.shape)}"
            )
        return cls(model=twin, data=data, task=task, learner=learner)

    def response(self, items: Tensor) -> Tensor:
        """Probabilities of ``items`` on the model's own data, ``(K, C)`` or ``(K,)``."""
        return self.task.response(self.model, self.data, items)

    def after(
        self, model: nn.Module, request: ForgetRequest, unlearner: Unlearner, seed: int,
        optimizer: Mapping[str, Tensor] | None = None, data: Data | None = None,
    ) -> Trained:
        """What an unlearner returns: ``model`` on the retained data, one step further on.

        An unlearner that does not remove what requests name passes what is left as ``data``.

        Snapshots and optimiser state of the original were made with the forgotten data and are
        left behind; pass the state of the new run where there is one.
        """
        step = Step(request.digest, request.kind, request.size, unlearner, seed)
        return Trained(
            model=model,
            data=request.retained(self.data) if data is None else data,
            task=self.task,
            learner=self.learner,
            seed=self.seed,
            optimizer=optimizer or {},
            history=(*self.history, step),
        )

    def save(
        self, folder: str | Path, metrics: Mapping[str, Any] | None = None, with_data: bool = True
    ) -> None:
        """Write a run folder, whole or not at all; see `graphforget.run_folder`."""
        from graphforget.run_folder import save

        save(self, Path(folder), metrics=metrics, with_data=with_data)

    @classmethod
    def load(
        cls, folder: str | Path, model: nn.Module | None = None, data: Data | None = None
    ) -> Trained:
        """Read a run folder; see `graphforget.run_folder`.

        Args:
            folder: the run folder.
            model: a module of the right shape, where the run holds a module of the user's own.
            data: the graph, where the run was saved without it.
        """
        from graphforget.run_folder import load

        return load(Path(folder), model=model, data=data)


def _twin(model: nn.Module) -> nn.Module:
    """The same modules again, each with a mode of its own, over the same weights and buffers."""
    shared = [*model.parameters(), *model.buffers()]
    return copy.deepcopy(model, memo={id(tensor): tensor for tensor in shared})
