"""Reader of ogbn-arxiv from the CSV files of its published archive, without pickle."""

from __future__ import annotations

from pathlib import Path

import torch
from torch_geometric.data import Data

from graphforget.core.errors import UserError


def read_arxiv(folder: Path) -> Data:
    """Read ogbn-arxiv (Hu et al., 2020) from its unpacked archive.

    OGB's own loader keeps a pickled copy that current PyTorch refuses to open; the archive itself
    is plain CSV.

    Args:
        folder: holds ``raw/edge.csv.gz``, ``raw/node-feat.csv.gz``, ``raw/node-label.csv.gz`` and
            ``split/time/{train,valid,test}.csv.gz``.

    Returns:
        ``x``, shape ``(N, 128)``, directed citations as ``edge_index``, ``y`` and the split by
        year of publication as masks.

    Raises:
        UserError: one of the files is missing or holds something else.
    """
    import pandas as pd

    def table(name: str) -> torch.Tensor:
        try:
            return torch.tensor(pd.read_csv(folder / name, header=None).to_numpy())
        except (OSError, ValueError) as error:
            raise UserError(
                f"ogbn-arxiv: cannot read {folder / name} ({error}); unpack the archive arxiv.zip "
                f"of the OGB site so that {folder} holds raw/ and split/"
            ) from None

    x = table("raw/node-feat.csv.gz").float()
    data = Data(
        x=x,
        edge_index=table("raw/edge.csv.gz").long().t().contiguous(),
        y=table("raw/node-label.csv.gz").long().view(-1),
    )
    for part, file in (("train", "train"), ("val", "valid"), ("test", "test")):
        mask = torch.zeros(x.shape[0], dtype=torch.bool)
        mask[table(f"split/time/{file}.csv.gz").long().view(-1)] = True
        data[f"{part}_mask"] = mask
    return data
