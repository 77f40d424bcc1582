"""Ways to get exactness wrong (s3t.md 3.3), each a small change of what is right."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch_geometric.data import Data

from graphforget.core.neighborhood import induced
from graphforget.exact.graph_cut import present
from graphforget.exact.graph_recipe import StackedStages
from graphforget.exact.graph_source import GraphSource
from graphforget.learn.trainer import descend


class PlacedByRank(GraphSource):
    """Nodes are placed by their rank among those that are there, not by their ids."""

    @classmethod
    def write(cls, folder, data, plan, there=None):
        there = present(data) if there is None else there
        ranked = induced(data, there.nonzero().view(-1))
        del ranked.n_id
        return super().write(folder, ranked, plan)


class StandardisedOverAll(GraphSource):
    """Features are standardised with the mean and deviation of the whole graph."""

    @classmethod
    def write(cls, folder, data, plan, there=None):
        kept = present(data) if there is None else there
        data = data.clone()
        data.x = (data.x - data.x[kept].mean(0)) / data.x[kept].std(0) * kept[:, None]
        return super().write(folder, data, plan, there)


class DegreesOfTheShard(GraphSource):
    """Every node carries its degree in the whole shard as a feature."""

    def rows(self, shard, slices):
        rows = super().rows(shard, slices)
        every = self._every(shard)
        degree = torch.zeros(int(every.n_id.max()) + 1)
        degree[every.n_id] = torch.bincount(every.edge_index[1], minlength=len(every.n_id)).float()
        rows.x = torch.cat([rows.x, degree[rows.n_id, None]], 1)
        return rows

    def _every(self, shard) -> Data:
        return GraphSource.rows(self, shard, range(self.placement.slices))


class MessagesOfLaterSlices(DegreesOfTheShard):
    """A stage learns from the labels of its slices alone, but on the graph of the whole shard."""

    def rows(self, shard, slices):
        own = GraphSource.rows(self, shard, slices)
        every = self._every(shard)
        every.train_mask = every.train_mask & torch.isin(every.n_id, own.n_id)
        return every


class WatchesTheShard(DegreesOfTheShard):
    """Rows bring the whole shard along, for whoever wants to stop early by it."""

    def rows(self, shard, slices):
        rows = GraphSource.rows(self, shard, slices)
        rows.watch = self._every(shard)
        return rows


@dataclass(frozen=True)
class StopsEarly(StackedStages):
    """The number of epochs is chosen by the loss on the validation nodes of the shard."""

    def train(self, rows, before, seed):
        chosen, best = 1, torch.inf
        for epochs in (self.epochs, 2 * self.epochs):
            state = self._for(epochs, rows, before, seed)
            watched = rows.watch
            answer = self.respond(watched, [*before, state]).log()
            items = self.task.val_items(watched)
            loss = float(-answer[items, watched.y[items]].mean())
            if loss < best:
                chosen, best = epochs, loss
        return self._for(chosen, rows, before, seed)

    def _for(self, epochs, rows, before, seed):
        own = {name: getattr(self, name) for name in ("num_classes", "hidden", "rank")}
        return StackedStages(**own, epochs=epochs).train(rows, before, seed)


@dataclass(frozen=True)
class SharesItsHead(StackedStages):
    """All stages have one head, and each trains it on."""

    def train(self, rows, before, seed):
        state = super().train(rows, before, seed)
        if before:
            before[0]["head.weight"].copy_(state["head.weight"])
        return state


@dataclass(frozen=True)
class OptimisesEverything(StackedStages):
    """The optimiser holds the parameters of all stages, not of the one in training."""

    def train(self, rows, before, seed):
        place = len(before)
        network = self.network(rows.num_features, (0,) * place + (seed,))
        for earlier, state in enumerate(before):
            network.set_stage(earlier, state)
        network.requires_grad_(True)
        labelled = self.task.train_items(rows)

        def loss(model, generator):
            output = model(rows.x, rows.edge_index)
            return self.task.example_loss(output[labelled], rows, labelled).mean()

        descend(network, loss, torch.optim.Adam(network.parameters()), self.epochs, seed)
        for earlier, state in enumerate(before):
            for name, value in network.stages[earlier].state_dict().items():
                state[name].copy_(value)
        return {name: value.clone() for name, value in network.stages[place].state_dict().items()}


@dataclass(frozen=True)
class DrawsFromTheProcess(StackedStages):
    """A stage is seeded by what the process draws next, after a mask of the rows' number."""

    def train(self, rows, before, seed):
        torch.rand(rows.num_nodes)
        return super().train(rows, before, int(torch.randint(2**31, ())))
