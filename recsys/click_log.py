"""A click table as a graph: rows are its nodes, and it has no edges."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from graphforget.core.errors import UserError
from graphforget.removal import OwnKinds
from recsys.table import ClickTable, Field, Kind, Part

ITEM_FIELDS = ("item_id", "item", "movie_id", "adgroup_id")
"""Names that the field of the item goes by."""

KINDS = tuple(Kind)


class ClickLog(OwnKinds):
    """Rows of a click table, for learners, unlearners and audits that work on graphs.

    Rows keep their numbers when something is forgotten: a forgotten row has id 0 in every field,
    which stands for what is not known, no label, no user and no part. Make one with `ClickLog.of`.

    Requests name users as `ClickTable.users` counts them, items by their ids in the item's field,
    interactions by both, and as ``feature`` pairs of a user and the place of a field, from 0, whose
    values are withdrawn from all of the user's rows.

    Attributes:
        x: ids, the fields side by side, each counted from 0, shape ``(R, C)`` int64.
        y: 1 for a click, 0 for none, -1 for forgotten, shape ``(R,)``.
        train_mask: rows to train on, shape ``(R,)``; ``val_mask`` and ``test_mask`` alike.
        row_user: whose row it is, counted from 1, 0 for nobody, shape ``(R,)``.
        row_item: the item's id, 0 where it is not known, shape ``(R,)``.
        edge_index: none, shape ``(2, 0)``.
        field_shape: of each field its size, width and kind, shape ``(1, F, 3)``.
        field_names: names of the fields in UTF-8, one a line, shape ``(1, bytes)`` uint8.
    """

    kinds = ("user", "item", "interaction", "feature")

    @classmethod
    def of(cls, table: ClickTable, item: str | None = None) -> ClickLog:
        """The rows of a table, copied into memory.

        Args:
            table: the table.
            item: the field that says which item a row is about; by default the first of
                `ITEM_FIELDS` that is there.

        Raises:
            UserError: if the table has no such field.
        """
        names = [field.name for field in table.fields]
        if item is None:
            item = next((name for name in ITEM_FIELDS if name in names), None)
        elif item not in names:
            raise UserError(f"table {table.name!r}: no field {item!r}; it has {', '.join(names)}")
        whole = slice(None)
        rows = table.num_rows
        log = cls(x=table.take(whole), edge_index=torch.empty(2, 0, dtype=torch.int64))
        log.y = table.labels(whole).long()
        for part in Part:
            mask = torch.from_numpy(np.asarray(table.part) == part)
            log[f"{part.name.lower()}_mask"] = mask
        nobody = torch.zeros(rows, dtype=torch.int64)
        log.row_user = nobody if table.users is None else _ids(table.users) + 1
        log.row_item = nobody if item is None else _ids(table.columns[names.index(item)])
        shapes = [[field.size, field.width, KINDS.index(field.kind)] for field in table.fields]
        log.field_shape = torch.tensor([shapes])
        log.field_names = torch.frombuffer(
            bytearray("\n".join(names).encode()), dtype=torch.uint8
        )[None]
        log.name = table.name
        return log

    @property
    def fields(self) -> tuple[Field, ...]:
        """The fields of the table."""
        names = bytes(self.field_names[0].tolist()).decode().split("\n")
        return tuple(
            Field(name, size, KINDS[kind], width)
            for name, (size, width, kind) in zip(names, self.field_shape[0].tolist(), strict=True)
        )

    def check_named(self, kind: str, index: Sequence[Any], missing: bool) -> None:
        sides = {"interaction": ("user", "item"), "feature": ("user", "field")}.get(kind, (kind,))
        pairs = len(sides) == 2
        if pairs and not isinstance(index[0], tuple):
            raise UserError(
                f"{kind} request: wanted pairs of a user and the place of a field, such as "
                f"[12, 3], got {index[0]}"
            )
        for place, side in enumerate(sides):
            ids = [entry[place] for entry in index] if pairs else list(index)
            self._check_ids(kind, side, ids)
        if missing:
            return
        asked, mine = self._codes(kind, torch.tensor(index).t())
        known = torch.isin(asked, mine)
        if not bool(known.all()):
            first = index[int((~known).nonzero()[0])]
            raise UserError(
                f"{kind} request: no row of the log belongs to "
                f"{list(first) if pairs else first}; check the ids, or let them pass with "
                "--missing ignore, in Python with missing=True"
            )

    def in_graph(self, kind: str, index: Tensor) -> tuple[str, Tensor]:
        if kind != "feature":
            asked, mine = self._codes(kind, index)
            return "node", torch.isin(mine, asked).nonzero().flatten()
        cells = [self._cells(int(user), int(field)) for user, field in index.t()]
        return "feature", torch.cat(cells, dim=1)

    def _codes(self, kind: str, index: Tensor) -> tuple[Tensor, Tensor]:
        """One number for each thing named, ``(K,)``, and for what a row belongs to, ``(R,)``.

        Users count from 1 in them, and of a feature only the user counts.
        """
        index = index.to(self.row_user.device)
        if kind == "item":
            return index, self.row_item
        if kind != "interaction":
            return (index if kind == "user" else index[0]) + 1, self.row_user
        base = int(torch.cat([self.row_item, index[1]]).max()) + 1
        return (index[0] + 1) * base + index[1], self.row_user * base + self.row_item

    def _cells(self, user: int, field: int) -> Tensor:
        """Rows and columns that hold a field's values of a user, shape ``(2, K)``."""
        widths = self.field_shape[0, :, 1]
        first, width = int(widths[:field].sum()), int(widths[field])
        rows = (self.row_user == user + 1).nonzero().flatten()
        columns = torch.arange(first, first + width, device=rows.device)
        return torch.cartesian_prod(rows, columns).t()

    def _check_ids(self, kind: str, side: str, ids: Sequence[int]) -> None:
        fields = self.fields
        if side == "field":
            if max(ids) >= len(fields):
                raise UserError(
                    f"{kind} request: wanted places of fields from 0 to {len(fields) - 1}, got "
                    f"{max(ids)}; they are {', '.join(field.name for field in fields)}"
                )
        elif side == "user" and not bool(self.row_user.any()):
            raise UserError(
                f"{kind} request: the log does not say whose the rows are; name the user's column "
                "in the schema"
            )
        elif side == "item" and not bool(self.row_item.any()):
            raise UserError(
                f"{kind} request: the log does not say which item a row is about; pass "
                "ClickLog.of(table, item=FIELD)"
            )
        elif side == "item" and 0 in ids:
            raise UserError(f"{kind} request: item 0 stands for items that are not known")


def _ids(array: Any) -> Tensor:
    return torch.from_numpy(np.asarray(array).astype(np.int64))
