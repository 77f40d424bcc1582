"""Traces of the forgotten data outside the weights, found by looking at what a run holds."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product

import torch
from torch import Tensor
from torch_geometric.data import Data

from graphforget.removal import HELD_OUT_EDGES, pair_codes
from graphforget.request import ForgetRequest
from graphforget.trained import Trained


def still_holds(data: Data, original: Data, request: ForgetRequest) -> bool:
    """Whether a graph still holds any of what a request names.

    Args:
        data: the graph looked at; it has the node ids of ``original``.
        original: the graph before the request.
        request: what should be gone.
    """
    stored = [data.edge_index, *(data[name] for name in HELD_OUT_EDGES if name in data)]
    pairs = torch.cat(stored, dim=1)
    if request.kind == "edge":
        codes = pair_codes(request.tensor, original.num_nodes).to(pairs.device)
        return bool(torch.isin(pair_codes(pairs, original.num_nodes), codes).any())
    nodes = request.nodes(original).to(data.edge_index.device)
    if bool(data.x[nodes].any()):
        return True
    if request.kind == "feature":
        return False
    linked = bool(torch.isin(pairs, nodes).any())
    return linked or (isinstance(data.get("y"), Tensor) and bool((data.y[nodes] >= 0).any()))


def artefacts(before: Trained, after: Trained, request: ForgetRequest) -> list[str]:
    """Sentences about what an unlearned run still carries of the forgotten data.

    What the weights carry is for `graphforget.audit.weights` to say.

    Args:
        before: the original run.
        after: the unlearned run.
        request: what should be gone.
    """
    found = []
    if still_holds(after.data, before.data, request):
        found.append("the run's data still hold what should be forgotten")
    if _shared(before.optimizer, after.optimizer):
        found.append("the optimiser's state is still the one made with the forgotten data")
    if any(_shared(*pair) for pair in product(before.snapshots.values(), after.snapshots.values())):
        found.append("snapshots taken with the forgotten data are still there")
    return found


def _shared(old: Mapping[str, Tensor], new: Mapping[str, Tensor]) -> bool:
    """Whether two states have a tensor in common that is neither a counter nor all zeros."""
    return any(
        old[key].dim() > 0 and bool(old[key].any()) and torch.equal(old[key], new[key])
        for key in old.keys() & new.keys()
    )
