"""The graph that a running training reads, and how to put the retained one in its place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch_geometric.data import Data

from graphforget.core.errors import UserError
from graphforget.request import ForgetRequest


class TrainingGraph:
    """Where a Trainer's graph is kept.

    It may be the attribute ``data`` of a datamodule, such as `GraphDataModule`; the only entry of
    the list behind a plain ``DataLoader([data])``; or an attribute of the LightningModule. Other
    loaders, such as ``NeighborLoader``, have copied the graph when they were made: hand them out
    in a datamodule's ``train_dataloader`` instead, built from its ``data``.

    Args:
        trainer: the running Trainer.
        module: the LightningModule.
        attribute: dotted path of the graph within the module; None to look elsewhere.

    Raises:
        UserError: naming the ways out, if there is no graph that could be replaced.
    """

    def __init__(self, trainer: Any, module: Any, attribute: str | None = None) -> None:
        self._trainer = trainer
        self._owner: Any = None
        if attribute is not None:
            path, _, self._name = attribute.rpartition(".")
            self._owner = module.get_submodule(path)
        elif trainer.datamodule is not None:
            self._owner, self._name = trainer.datamodule, "data"
        self.get()

    @property
    def needs_reload(self) -> bool:
        """Whether loaders were made from the graph and have to be made again."""
        return self._owner is not None and self._owner is self._trainer.datamodule

    def get(self) -> Data:
        """The graph as it is now."""
        if self._owner is not None:
            found = getattr(self._owner, self._name, None)
            sampler = getattr(self._owner, "graph_sampler", None)
            if isinstance(found, Data) and sampler is None:
                return found
            raise UserError(
                f"{type(self._owner).__name__}: wanted a torch_geometric Data in .{self._name} "
                f"from which every loader is made, got {type(found).__name__}"
                f"{' and a sampler that holds a copy' if sampler is not None else ''}; use "
                "graphforget.data.GraphDataModule"
            )
        graphs = [dataset[0] for dataset in _single_graphs(self._trainer.train_dataloader)]
        if len(graphs) == 1:
            return graphs[0]
        raise UserError(
            "training data: wanted one graph that can be replaced, found none; pass "
            "trainer.fit(datamodule=GraphDataModule(data)), or DataLoader([data]), or "
            "graph='name of the module attribute that holds it'"
        )

    def forget(self, request: ForgetRequest) -> None:
        """Put the retained graph in place, for training and for validation."""
        if self._owner is not None:
            setattr(self._owner, self._name, request.retained(self.get()))
            return
        for loaders in (self._trainer.train_dataloader, self._trainer.val_dataloaders):
            for dataset in _single_graphs(loaders):
                dataset[0] = request.retained(dataset[0])


def _single_graphs(loaders: Any) -> Iterator[list[Data]]:
    """The lists of one graph behind the loaders, which may be nested in lists and dicts."""
    if isinstance(loaders, dict):
        loaders = list(loaders.values())
    for loader in loaders if isinstance(loaders, (list, tuple)) else [loaders]:
        dataset = getattr(loader, "dataset", None)
        if isinstance(dataset, list) and len(dataset) == 1 and isinstance(dataset[0], Data):
            yield dataset
