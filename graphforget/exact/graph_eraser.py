"""GraphEraser: shards along a partition of the graph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch_geometric.data import Data

from graphforget.data.batches import metis_clusters
from graphforget.exact.memory import TablePlacement
from graphforget.exact.plan import Plan
from graphforget.exact.whole_models import WholeModels


@dataclass(frozen=True)
class GraphEraser(WholeModels):
    """Train one model a community and train a hit one again (Chen et al., CCS 2022).

    With METIS in the place of the paper's balanced partitions, and the plain mean in the place of
    learnt weights, which every deletion would change. Communities are made from all the data, so
    the result is exact only given the partition: which nodes share a shard was decided with the
    edges that are forgotten later.

    Args:
        shards: m, communities of about equal size.
        partition_seed: of METIS.
    """

    exact: ClassVar[bool] = False

    repair: bool = True
    shards: int = 4
    partition_seed: int = 0

    def __post_init__(self) -> None:
        Plan.chains(self.shards, slices=1, orders=1)  # refuses what is no number of shards

    def plan(self, data: Data) -> Plan:
        community = communities(data, self.shards, self.partition_seed)
        placement = TablePlacement(
            self.shards, 1, shard_of=community, slice_of=np.zeros_like(community)
        )
        return Plan(placement, paths=((0,),), chained=False)

    def steps(self, data: Data) -> int:
        """How many models are trained."""
        return self.shards


def communities(data: Data, parts: int, seed: int) -> NDArray[np.int64]:
    """Which of at most ``parts`` about equal communities each node is in, shape ``(N,)``.

    Args:
        data: the graph.
        parts: how many.
        seed: of METIS.

    >>> pairs = torch.tensor([[0, 1, 2, 3], [1, 0, 3, 2]])
    >>> found = communities(Data(edge_index=pairs, num_nodes=4), parts=2, seed=0)
    >>> bool(found[0] == found[1]), bool(found[2] == found[3]), bool(found[0] == found[2])
    (True, True, False)
    """
    found = torch.zeros(int(data.num_nodes or 0), dtype=torch.int64)
    if parts > 1:
        for place, nodes in enumerate(metis_clusters(data, parts, seed)):
            found[nodes] = place
    return found.numpy()
