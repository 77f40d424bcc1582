"""What a request names goes from the slice files of a shard, each replaced as a whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import torch
from torch import Tensor

from graphforget.exact.slice_file import (
    SliceRows,
    read_slice,
    without_edges,
    without_features,
    without_nodes,
    write_slice,
)
from graphforget.request import ForgetRequest

WITHOUT: dict[str, Callable[[SliceRows, Tensor], SliceRows]] = {
    "node": without_nodes, "feature": without_features, "edge": without_edges,
}
"""For each kind of request, what is left of the rows of a slice."""


def remove_from(paths: Iterable[Path], request: ForgetRequest) -> None:
    """Take what a request names out of slice files; those that hold none of it are not written.

    Raises:
        UserError: if a file is missing or damaged; those before it are done.
    """
    ids = request.tensor
    for path in paths:
        before = read_slice(path)
        after = WITHOUT[request.kind](before, ids)
        if any(not torch.equal(before[name], after[name]) for name in before):
            write_slice(path, after)
