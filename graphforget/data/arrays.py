"""A user's arrays, checked before a graph is built from them."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch_geometric.data import Data
from torch_geometric.utils import coalesce, to_undirected

from graphforget.core.errors import UserError

PARTS = ("train", "val", "test")


@dataclass(frozen=True, eq=False)
class Arrays:
    """What a reader found in a user's files, not yet checked."""

    edge_index: np.ndarray
    """Shape ``(2, E)``, rows of ``x``."""
    x: np.ndarray
    """Shape ``(N, F)``."""
    y: np.ndarray | None = None
    """Shape ``(N,)``; -1 for no label."""
    masks: dict[str, np.ndarray] = field(default_factory=dict)
    """``train``, ``val``, ``test``, each of shape ``(N,)``."""
    node_id: list[int] | list[str] | None = None
    """The user's own name of each node, where it is not the row number."""


def checked(arrays: Arrays, source: str, directed: bool = False) -> Data:
    """Check a user's arrays and build the graph.

    Args:
        arrays: as a reader found them.
        source: file or folder, for error messages.
        directed: keep the directions of the edges.

    Raises:
        UserError: naming the source and the array.
    """

    def demand(fine: bool, wanted: str) -> None:
        if not fine:
            raise UserError(f"{source}: {wanted}")

    x, edges, y = arrays.x, arrays.edge_index, arrays.y
    demand(x.dtype.kind in "biuf", f"x must be numbers, not {x.dtype}")
    demand(x.ndim == 2 and x.size > 0, f"x must have shape (N, F) and content, not {x.shape}")
    with np.errstate(over="ignore"):
        x = x.astype(np.float32)
    bad = ~np.isfinite(x).all(axis=1)
    demand(not bad.any(), f"x is NaN or infinite (as float32) at row {int(bad.argmax())}")
    nodes = len(x)

    demand(edges.dtype.kind in "iu", f"edge_index must be whole numbers, not {edges.dtype}")
    demand(edges.ndim == 2 and edges.shape[0] == 2, f"edge_index must be (2, E), not {edges.shape}")
    if edges.size:
        low, high = int(edges.min()), int(edges.max())
        demand(
            low >= 0 and high < nodes,
            f"edge_index must name nodes 0 to {nodes - 1} (rows of x), found {low} to {high}",
        )
    bring = coalesce if directed else to_undirected
    edge_index = bring(torch.from_numpy(edges.astype(np.int64)), num_nodes=nodes)
    data = Data(x=torch.from_numpy(x), edge_index=edge_index)

    if y is not None:
        demand(y.dtype.kind in "iu", f"y must be whole numbers, not {y.dtype}")
        demand(y.shape == (nodes,), f"y must have shape ({nodes},) like x, not {y.shape}")
        low, high = int(y.min()), int(y.max())
        demand(low >= -1, f"y must be 0 or more, or -1 for no label, found {low}")
        demand(high < max(nodes, 2), f"y names class {high}, but there are only {nodes} nodes")
        data.y = torch.from_numpy(y.astype(np.int64))
    if arrays.masks:
        missing = [part for part in PARTS if part not in arrays.masks]
        demand(not missing, f"masks come together, {', '.join(missing)} missing")
        demand(y is not None, "masks need labels y")
        for part in PARTS:
            mask = arrays.masks[part]
            demand(mask.shape == (nodes,), f"{part}_mask must have shape ({nodes},)")
            plain = mask.dtype.kind == "b" or (mask.dtype.kind in "iu" and mask.max() <= 1)
            demand(plain and mask.min() >= 0, f"{part}_mask must be true or false")
            data[f"{part}_mask"] = torch.from_numpy(mask.astype(bool))
        total = sum(data[f"{part}_mask"].long() for part in PARTS)
        twice = int((total > 1).sum())
        demand(not twice, f"{twice} nodes are in two parts of the split; each may be in one")
        unlabelled = int(((total > 0) & (data.y < 0)).sum())
        demand(not unlabelled, f"{unlabelled} nodes of the split have no label")
        demand(bool(data.train_mask.any()), "the split has no training nodes")
    if arrays.node_id is not None:
        ids = arrays.node_id
        data.node_id = torch.tensor(ids) if isinstance(ids[0], int) else ids
    return data


def refuse_more_than_memory(path: Path, size: int) -> None:
    """Raise a `UserError` where ``size`` bytes, unpacked from ``path``, would fill the memory."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if size > memory // 2:
        raise UserError(f"{path}: unpacks to {size / 1e9:.1f} GB, more than half of the memory")
