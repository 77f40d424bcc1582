"""A graph as a LightningDataModule."""

from __future__ import annotations

from collections.abc import Iterable

from torch.utils.data import DataLoader, Dataset
from torch_geometric.data import Data

from graphforget._lightning import pl
from graphforget.data.batches import node_batches


class OneGraph(Dataset):
    """A data set with one item, the graph."""

    def __init__(self, data: Data) -> None:
        self.data = data

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> Data:
        return self.data


def only(batch: list[Data]) -> Data:
    """Return the one graph of a batch; a plain function, so that loaders can be pickled."""
    return batch[0]


class GraphDataModule(pl.LightningDataModule):
    """Hands a graph to a Trainer: the whole of it, or mini-batches for training.

    Validation, test and prediction always see the whole graph.

    Args:
        data: the graph with its masks or held-out links.
        batch_nodes: about how many nodes a training batch has; 0 for the whole graph at once.
        seed: of the batches.

    Example:
        >>> from graphforget.data.graphs import load_graph
        >>> loader = GraphDataModule(load_graph("digits")).train_dataloader()
        >>> next(iter(loader)).num_nodes
        1797
    """

    def __init__(self, data: Data, batch_nodes: int = 0, seed: int = 0) -> None:
        super().__init__()
        self.data, self.batch_nodes, self.seed = data, batch_nodes, seed

    def train_dataloader(self) -> Iterable[Data]:
        """Return the whole graph, or batches that differ from epoch to epoch."""
        if self.batch_nodes:
            return node_batches(self.data, self.batch_nodes, self.seed)
        return self._whole()

    def val_dataloader(self) -> DataLoader:
        """Return the whole graph."""
        return self._whole()

    def test_dataloader(self) -> DataLoader:
        """Return the whole graph."""
        return self._whole()

    def predict_dataloader(self) -> DataLoader:
        """Return the whole graph."""
        return self._whole()

    def _whole(self) -> DataLoader:
        return DataLoader(OneGraph(self.data), batch_size=1, collate_fn=only)
