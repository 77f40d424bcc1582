"""What is measured: a graph, a plan, a recipe, and a service of them that lives for a while."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from torch_geometric.data import Data

from experiments.settings import Nodes
from graphforget.core.pool import LocalPool
from graphforget.data import load_graph
from graphforget.exact.graph_recipe import StackedStages
from graphforget.exact.graph_source import GraphSource
from graphforget.exact.layout import create_system
from graphforget.exact.manifest import Manifest
from graphforget.exact.plan import Plan
from graphforget.exact.train import train_all


def problem(options: argparse.Namespace) -> tuple[Data, StackedStages]:
    """The graph and how its stages are trained."""
    data, task = Nodes(normalise=False).prepare(load_graph(options.dataset, options.root), 0)
    return data, StackedStages(task.out_channels, epochs=options.epochs)


@contextmanager
def service_folder(
    data: Data, plan: Plan, recipe: StackedStages, hosts: int = 1
) -> Iterator[Path]:
    """The folder of a trained service, which is gone in the end."""
    with tempfile.TemporaryDirectory() as name:
        folder, manifest = Path(name) / "service", Manifest(plan, recipe, hosts=hosts)
        create_system(folder, manifest, lambda place: GraphSource.write(place, data, plan))
        train_all(LocalPool(), folder)
        yield folder
