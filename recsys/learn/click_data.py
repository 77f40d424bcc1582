"""Rows of a click table for a Trainer, taken a batch at a time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor

from graphforget._lightning import pl
from graphforget.core.errors import UserError
from recsys.models import check_ids
from recsys.table import ClickTable, Part

IN_MEMORY = 4 << 30
"""Bytes of ids up to which the rows of a part are copied to where the model is."""

CHUNK = 1 << 18
"""Rows copied at a time."""


class ClickRows:
    """The rows of a part: from memory, on a device, where they fit, else from the table's arrays.

    Args:
        table: the table.
        rows: numbers of the rows, shape ``(R,)``.
        device: where the batches are wanted.
        in_memory: bytes of ids up to which they are copied there.

    Raises:
        UserError: if an id is not in its field, here or in `take`.
    """

    def __init__(
        self,
        table: ClickTable,
        rows: NDArray[np.int64],
        device: torch.device | str = "cpu",
        in_memory: int = IN_MEMORY,
    ) -> None:
        self.table, self.rows, self.device = table, rows, torch.device(device)
        self._ids: Tensor | None = None
        columns = sum(field.width for field in table.fields)
        if 4 * columns * len(rows) <= in_memory:
            self._ids = torch.empty(len(rows), columns, dtype=torch.int32, device=self.device)
            for start in range(0, len(rows), CHUNK):
                self._ids[start : start + CHUNK] = self._checked(rows[start : start + CHUNK])
        self._labels = table.labels(rows).to(self.device)

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, places: Tensor) -> tuple[Tensor, Tensor]:
        """Ids, shape ``(B, C)`` int64, and labels, shape ``(B,)``, of the rows at some places."""
        labels = self._labels.index_select(0, places)
        if self._ids is not None:
            return self._ids.index_select(0, places).long(), labels
        return self._checked(self.rows[places.cpu().numpy()]).to(self.device), labels

    def _checked(self, rows: NDArray[np.int64]) -> Tensor:
        ids = self.table.take(rows)
        check_ids(self.table.fields, ids)
        return ids


class Batches:
    """Batches of some rows, in their order or in a new random order every epoch.

    Args:
        rows: the rows.
        batch_size: rows in a batch; see `batch_sizes`.
        seed: of the order, or None to keep the rows' own.
        share: ``(i, n)``: this process is the i-th of n, and takes every n-th row. In random order
            all processes take equally many.

    >>> from recsys.table import planted_table
    >>> table = planted_table(100).table
    >>> [len(labels) for _, labels in Batches(ClickRows(table, table.rows(Part.TRAIN)), 23)]
    [23, 23, 24]
    """

    def __init__(
        self, rows: ClickRows, batch_size: int, seed: int | None = None,
        share: tuple[int, int] = (0, 1),
    ) -> None:
        self.rows, self.batch_size, self.share = rows, batch_size, share
        self._generator = None if seed is None else Generator().manual_seed(seed)

    def __len__(self) -> int:
        return len(self._sizes())

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        number, (mine, all_of_them) = len(self.rows), self.share
        if self._generator is None:
            order = torch.arange(number)
        else:
            order = torch.randperm(number, generator=self._generator)
            order = order[: number // all_of_them * all_of_them]
        places = order[mine::all_of_them].to(self.rows.device)
        for place in places.split(self._sizes()):
            yield self.rows.take(place)

    def _sizes(self) -> list[int]:
        number, (mine, all_of_them) = len(self.rows), self.share
        if self._generator is not None:
            number = number // all_of_them * all_of_them
        number = len(range(mine, number, all_of_them))
        return batch_sizes(number, self.batch_size)


def batch_sizes(number: int, batch_size: int) -> list[int]:
    """How many rows each batch has; a last one of a single row joins the one before it.

    Batch norm cannot train on one row.

    Args:
        number: of the rows.
        batch_size: rows in all batches but the last.

    >>> batch_sizes(11, 4), batch_sizes(9, 4), batch_sizes(1, 4)
    ([4, 4, 3], [4, 5], [1])
    """
    full, rest = divmod(number, batch_size)
    sizes = [batch_size] * full + [rest] * (rest > 0)
    if rest == 1 and full:
        sizes[-2:] = [batch_size + 1]
    return sizes


class ClickDataModule(pl.LightningDataModule):
    """A click table for a Trainer: training rows shuffled, validation and test rows in order.

    Batches are ids, shape ``(B, C)``, and labels, shape ``(B,)``. With several processes each sees
    its share of the rows, without a sampler.

    Args:
        table: the table.
        batch_size: rows of a training batch, in each process.
        seed: of the order of the training rows.
        answer_batch: rows of a validation or test batch.
        in_memory: bytes of ids up to which a part is copied to the model's device.

    Raises:
        UserError: if there are no training rows.
    """

    def __init__(
        self,
        table: ClickTable,
        batch_size: int = 4096,
        seed: int = 0,
        answer_batch: int = 8192,
        in_memory: int = IN_MEMORY,
    ) -> None:
        super().__init__()
        if len(table.rows(Part.TRAIN)) == 0:
            raise UserError(
                f"table {table.name!r}: wanted training rows, got none; split it with a "
                "training part"
            )
        self.table, self.batch_size, self.seed = table, batch_size, seed
        self.answer_batch, self._in_memory = answer_batch, in_memory
        self._rows: dict[Part, ClickRows] = {}

    def train_dataloader(self) -> Batches:
        """Training rows in an order that differs from epoch to epoch."""
        return self.batches(Part.TRAIN, self.batch_size, self.seed)

    def val_dataloader(self) -> Batches | list:
        """Validation rows in the table's order; nothing where there are none."""
        return self._in_order(Part.VAL)

    def test_dataloader(self) -> Batches | list:
        """Test rows in the table's order."""
        return self._in_order(Part.TEST)

    predict_dataloader = test_dataloader

    def batches(self, part: Part, batch_size: int, seed: int | None = None) -> Batches:
        """Batches of a part's rows on the device of the Trainer, or on the CPU without one.

        Args:
            part: which rows.
            batch_size: rows in a batch.
            seed: of a random order that is new in every epoch, or None for the table's order.
        """
        trainer = self.trainer
        device = trainer.strategy.root_device if trainer else torch.device("cpu")
        share = (trainer.global_rank, trainer.world_size) if trainer else (0, 1)
        rows = self._rows.get(part)
        if rows is None or rows.device != device:
            rows = ClickRows(self.table, self.table.rows(part), device, self._in_memory)
            self._rows[part] = rows
        return Batches(rows, batch_size, seed, share)

    def _in_order(self, part: Part) -> Batches | list:
        batches = self.batches(part, self.answer_batch)
        return batches if len(batches.rows) else []
