"""The one embedding that all fields of a click table share."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from graphforget.core.errors import UserError
from recsys.models.row_sums import SparseLookup
from recsys.table import Field

SCALE = 0.01
"""Standard deviation of fresh weights (the ERASE benchmark's)."""


class FieldEmbedding(nn.Embedding):
    """Looks up a vector for every field of a row; a multi-valued field is the mean of its values.

    The rows of all fields lie in one weight, one field after the other, so that a lookup is one
    gather. A row without any value in a multi-valued field takes that field's row 0. While
    ``sparse`` is set, gradients name the rows that a batch touched, and no others; these cannot be
    differentiated again.

    Args:
        fields: the fields, ``F`` of them.
        width: length ``d`` of the vectors.
        seed: of the fresh weights, drawn from ``N(0, 0.01^2)``.

    >>> embedding = FieldEmbedding([Field("user", 5), Field("item", 9)], width=4, seed=0)
    >>> embedding(torch.tensor([[1, 8], [4, 0], [2, 2]])).shape
    torch.Size([3, 2, 4])
    """

    offsets: Tensor
    """Where each column's field begins in `weight`, shape ``(C,)``."""

    def __init__(self, fields: Sequence[Field], width: int, seed: int) -> None:
        if not fields or width < 1:
            raise UserError(
                f"embedding: wanted at least one field and a width of 1 or more, got {len(fields)} "
                f"fields and width {width}"
            )
        starts = list(accumulate((field.size for field in fields), initial=0))
        fresh = torch.randn(starts[-1], width, generator=Generator().manual_seed(seed)) * SCALE
        super().__init__(starts[-1], width, _weight=fresh)
        self.fields = tuple(fields)
        self.starts = tuple(starts[:-1])
        """Where each field begins in `weight`, ``F`` numbers."""
        widths = [field.width for field in fields]
        self._columns = sum(widths)
        self._multi = self._columns > len(fields)
        offsets = torch.tensor(self.starts).repeat_interleave(torch.tensor(widths))
        self.register_buffer("offsets", offsets, persistent=False)

    @property
    def width(self) -> int:
        """Length ``d`` of the vectors."""
        return self.embedding_dim

    def forward(self, ids: Tensor) -> Tensor:
        """Vectors of the fields, shape ``(B, F, d)``.

        Args:
            ids: shape ``(B, C)``, columns of all fields side by side, each counted from 0. They
                are not compared with the fields' sizes here: see `check_ids`.

        Raises:
            UserError: if the shape is not ``(B, C)``.
        """
        if ids.dim() != 2 or ids.size(1) != self._columns:
            raise UserError(
                f"embedding: wanted ids of shape (B, {self._columns}) for the fields "
                f"{', '.join(field.name for field in self.fields)}, got {tuple(ids.shape)}"
            )
        places = ids + self.offsets
        if self.sparse:
            vectors = SparseLookup.apply(self.weight, places)
        else:
            vectors = F.embedding(places, self.weight)
        return self._means(ids, vectors) if self._multi else vectors

    def _means(self, ids: Tensor, vectors: Tensor) -> Tensor:
        """The mean over the values of each multi-valued field: (B, C, d) -> (B, F, d)."""
        parts, start = [], 0
        for field in self.fields:
            part = vectors[:, start : start + field.width]
            if field.width > 1:
                real = ids[:, start : start + field.width] != 0
                real[:, 0] |= ~real.any(dim=1)
                weight = real.to(part.dtype) / real.sum(dim=1, keepdim=True)
                part = torch.einsum("bw,bwd->bd", weight.to(part.dtype), part).unsqueeze(1)
            parts.append(part)
            start += field.width
        return torch.cat(parts, dim=1)


def check_ids(fields: Sequence[Field], ids: Tensor) -> None:
    """Refuse ids that a field does not have: they would read another field's rows.

    Args:
        fields: ``F`` of them.
        ids: shape ``(B, C)``, on the CPU.

    Raises:
        UserError: naming the first such field, row and id.

    >>> check_ids([Field("user", 5), Field("item", 9)], torch.tensor([[4, 8], [0, 9]]))
    Traceback (most recent call last):
    graphforget.core.errors.UserError: field 'item': wanted ids from 0 to 8, got 9 in row 1 ...
    """
    each = [field for field in fields for _ in range(field.width)]
    sizes = torch.tensor([field.size for field in each])
    if not (wrong := (ids < 0) | (ids >= sizes)).any():
        return
    row, column = (int(place) for place in wrong.nonzero()[0])
    raise UserError(
        f"field {each[column].name!r}: wanted ids from 0 to {each[column].size - 1}, got "
        f"{int(ids[row, column])} in row {row} of the batch; unknown values are id 0: build the "
        "table with the vocabulary that the model was trained with"
    )
