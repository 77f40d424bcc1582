"""Where the wrong labels of a run come from: drawn anew, or a draw that was kept for comparison."""

from __future__ import annotations

import copy
import os
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch_geometric.data import Data

from graphforget.core.errors import UserError
from graphforget.data.noise import Asymmetric, LabelNoise, Symmetric, with_noise

FILES = {"cora": "Cora.npz", "citeseer": "CiteSeer.npz"}
"""The graphs with kept draws and the files that hold them."""

WORDS: dict[type[LabelNoise], str] = {Asymmetric: "asymm", Symmetric: "symm"}
"""What the files call a kind of noise."""


class Draws(ABC):
    """A frozen dataclass that makes labels wrong."""

    @abstractmethod
    def noisy(
        self, data: Data, dataset: str, noise: LabelNoise, seed: int, root: str | None
    ) -> Data:
        """The graph with wrong training and validation labels; test labels are left alone.

        Args:
            data: with clean labels and a split; not changed.
            dataset: its name.
            noise: kind and rate.
            seed: of the draw.
            root: folder of the data sets.
        """


@dataclass(frozen=True)
class Fresh(Draws):
    """Drawn from the seed.

    Args:
        validation: whether validation labels are as noisy as training labels, so that nothing
            clean takes part in choosing an epoch.
    """

    validation: bool = True

    def noisy(
        self, data: Data, dataset: str, noise: LabelNoise, seed: int, root: str | None
    ) -> Data:
        return with_noise(data, noise, seed, validation=self.validation)


@dataclass(frozen=True)
class Kept(Draws):
    """The draws behind the reference figures of erase_graph.md 5.2, on the public splits.

    Args:
        validation: as for `Fresh`.
    """

    validation: bool = True

    def noisy(
        self, data: Data, dataset: str, noise: LabelNoise, seed: int, root: str | None
    ) -> Data:
        path = self._file(dataset, root)
        result = copy.copy(data)
        result.y = data.y.clone()
        with np.load(path, allow_pickle=False) as draws:
            for part in ("train", "val") if self.validation else ("train",):
                key = f"{part}_{WORDS.get(type(noise), '?')}_{noise.rate:g}_{seed}"
                if key not in draws:
                    raise UserError(f"{path.name}: no kept draw {key!r}; use Fresh draws")
                result.y[data[f"{part}_mask"]] = torch.from_numpy(draws[key]).long()
        return result

    def _file(self, dataset: str, root: str | None) -> Path:
        if dataset not in FILES:
            raise UserError(f"{dataset}: draws were kept for {', '.join(FILES)} only")
        place = Path(root or os.environ.get("GRAPHFORGET_DATA", "."))
        path = place / "graph" / "noisy_labels" / FILES[dataset]
        if not path.exists():
            raise UserError(f"{path.name}: no kept draws below the data folder; use Fresh draws")
        return path
