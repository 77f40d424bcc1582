"""Modules as users write them, in whichever Lightning package they chose."""

from __future__ import annotations

import importlib
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader
from torch_geometric.nn import GCNConv

NAMESPACES = ("pytorch_lightning", "lightning.pytorch")
QUIET = {
    "accelerator": "cpu",
    "logger": False,
    "enable_checkpointing": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "num_sanity_val_steps": 0,
}


def first(batch):
    return batch[0]


def loader(data):
    """A plain loader of one graph."""
    return DataLoader([data], batch_size=1, collate_fn=first)


def user_modules(pl):
    """A module that is its own network, and one whose network is nested two levels deep."""

    class Common(pl.LightningModule):
        def training_step(self, batch, batch_idx):
            self.seen = batch
            output = self.network()(batch.x, batch.edge_index)
            loss = F.cross_entropy(output[batch.train_mask], batch.y[batch.train_mask])
            self.log("loss", loss, batch_size=1)
            return loss

        def validation_step(self, batch, batch_idx):
            self.validated = batch

        def configure_optimizers(self):
            return torch.optim.Adam(self.parameters(), lr=0.05)

    class Plain(Common):
        def __init__(self, channels: int = 8, cached: bool = False):
            super().__init__()
            self.save_hyperparameters()
            self.first = GCNConv(channels, 16, cached=cached)
            self.last = GCNConv(16, 3, cached=cached)

        def forward(self, x, edge_index):
            return self.last(self.first(x, edge_index).relu(), edge_index)

        def network(self):
            return self

    class Nested(Common):
        def __init__(self):
            super().__init__()
            self.parts = torch.nn.ModuleDict({"gnn": Plain()})

        def forward(self, batch):
            return self.network()(batch.x, batch.edge_index)

        def network(self):
            return self.parts["gnn"]

    return Plain, Nested


@pytest.fixture(params=NAMESPACES)
def lightning(request):
    """One of the two packages, with the user's modules in it and a quiet Trainer."""
    pl = importlib.import_module(request.param)
    plain, nested = user_modules(pl)
    return SimpleNamespace(
        pl=pl,
        Plain=plain,
        Nested=nested,
        loader=loader,
        trainer=lambda callbacks, epochs=3, **more: pl.Trainer(
            max_epochs=epochs, callbacks=callbacks, **{**QUIET, **more}
        ),
    )
