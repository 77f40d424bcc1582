"""A graph cut into slice files, and whole for answering."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch_geometric.data import Data

from graphforget.core.config import from_config, to_config
from graphforget.core.errors import UserError
from graphforget.core.files import folder_atomically, write_atomically
from graphforget.exact.checked_tensors import packed, unpacked
from graphforget.exact.graph_cut import THERE, cut, joined, kept, present
from graphforget.exact.graph_items import left_of, meetings, outside
from graphforget.exact.placement import Placement
from graphforget.exact.plan import Plan
from graphforget.exact.reread import Reread
from graphforget.exact.slice_file import EDGES, read_slice, section_digests, write_slice
from graphforget.exact.slice_removal import remove_from
from graphforget.exact.source import DamagedRows, Hit, Hits, Source
from graphforget.request import ForgetRequest

LOG = 100_000
"""How many of the last reads are told."""

WHOLE, HEAD = "whole.safetensors", "source.json"


class GraphSource(Source):
    """The folder of a graph; `write` makes one.

    An edge within a shard stands with the slice of the higher number; one between shards is used
    for answering only. A forgotten node stands in no slice, and in the whole graph it is an empty
    row that keeps its id.

    Args:
        folder: of the source.

    Raises:
        UserError: if it is not the folder of a source.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        try:
            head = json.loads((self.folder / HEAD).read_text())
            self._size, self._classes = int(head["nodes"]), int(head["classes"])
            placement = from_config(head["placement"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UserError(
                f"{self.folder}: wanted a folder of slice files with {HEAD}, got "
                f"{type(error).__name__}: {error}; write one with GraphSource.write"
            ) from error
        if not isinstance(placement, Placement):
            raise UserError(f"{self.folder / HEAD}: wanted a Placement, got {placement!r}")
        self.placement = placement
        self._reads: list[tuple[int, Hit]] = []
        self._sections = Reread(section_digests)
        self._rows = Reread(lambda path: self.whole())

    @classmethod
    def write(
        cls, folder: str | Path, data: Data, plan: Plan, there: Tensor | None = None
    ) -> GraphSource:
        """Cut a graph into files, whole or not at all.

        Args:
            folder: where; it must not be there yet.
            data: ``x``, ``edge_index``, ``y``, masks and other attributes of nodes; attributes of
                edges are left out.
            plan: whose placement says where every node goes.
            there: mask ``(N,)`` of the nodes that are there; by default those that have features,
                a label, an edge or a part in the split.

        Raises:
            UserError: if the folder is there already, there are fewer nodes than slices, or edges
                lead nowhere.
        """
        data = kept(data)
        data[THERE] = present(data) if there is None else there
        ids = data[THERE].nonzero().view(-1)
        plan.check(len(ids))
        placement = plan.placement
        classes = int(data.y.max()) + 1 if "y" in data and data.y.numel() else 0
        head = {
            "nodes": int(data.num_nodes or 0),
            "classes": classes,
            "placement": to_config(placement),
        }
        with folder_atomically(folder) as partial:
            for (shard, slice), rows in cut(data, ids, placement):
                write_slice(slice_path(partial, shard, slice), rows)
            (partial / WHOLE).write_bytes(_bytes(data))
            (partial / HEAD).write_text(json.dumps(head, indent=1))
        return cls(folder)

    @property
    def reads(self) -> list[tuple[int, Hit]]:
        return self._reads

    def ids(self) -> NDArray[np.int64]:
        return self._whole[THERE].nonzero().view(-1).numpy()

    def rows(self, shard: int, slices: Iterable[int]) -> Data:
        """The graph of these slices' nodes and the edges among them; ``n_id`` has the ids.

        Nodes stand in the order of a keyed hash of their ids, edges by target and source.
        """
        wanted = frozenset(slices)
        parts = []
        for slice in sorted(wanted):
            parts.append(read_slice(self._path(shard, slice), wanted))
            self._reads.append((shard, frozenset((slice,))))
            others = (int(key.removeprefix(EDGES)) for key in parts[-1] if key.startswith(EDGES))
            self._reads.extend((shard, frozenset((slice, other))) for other in others)
        del self._reads[:-LOG]
        return joined(parts)

    def whole(self) -> Data:
        path = self.folder / WHOLE
        try:
            return Data(**unpacked(path), num_nodes=self._size)
        except (OSError, ValueError) as error:
            raise UserError(
                f"{path}: wanted the graph that is answered about, got {error}; restore the file"
            ) from error

    def digest(self, shard: int, slices: Iterable[int]) -> str:
        wanted = frozenset(slices)
        digest = hashlib.sha256()
        for slice in sorted(wanted):
            sections = self._sections(self._path(shard, slice))
            for other in (None, *sorted(wanted)):
                if other in sections:
                    digest.update(f"{slice} {other} {sections[other]}\n".encode())
        return digest.hexdigest()

    def outstanding(self, request: ForgetRequest, missing: bool = False) -> ForgetRequest | None:
        return left_of(request, self._whole, self._classes, missing)

    def hits(self, request: ForgetRequest) -> dict[int, Hits]:
        left = self.outstanding(request, missing=True)
        found: dict[int, set[Hit]] = {}
        for _, shard, hit in meetings(left, self.placement) if left is not None else ():
            found.setdefault(shard, set()).add(hit)
        return {shard: frozenset(hits) for shard, hits in sorted(found.items())}

    def without(self, rows: Data, request: ForgetRequest) -> Data:
        return request.retained(rows)

    def forget(self, request: ForgetRequest) -> None:
        left = self.outstanding(request, missing=True)
        if left is None:
            return
        damaged: dict[int, str] = {}
        for shard in sorted({shard for _, shard, _ in meetings(left, self.placement)}):
            try:
                remove_from([self._path(shard, one) for one in range(self.placement.slices)], left)
            except UserError as error:
                damaged[shard] = str(error)
        # last, as it tells what is outstanding: whoever is killed before this line starts again
        done = outside(left, damaged, self.placement)
        if done is not None:
            write_atomically(self.folder / WHOLE, _bytes(done.retained(self._whole)))
        if damaged:
            raise DamagedRows(damaged)

    @property
    def _whole(self) -> Data:
        """The whole graph, read anew when the file is another one."""
        return self._rows(self.folder / WHOLE)

    def _path(self, shard: int, slice: int) -> Path:
        return slice_path(self.folder, shard, slice)


def slice_path(folder: Path, shard: int, slice: int) -> Path:
    """The file of a slice."""
    return folder / f"shard-{shard:04d}" / f"slice-{slice:04d}.safetensors"


def _bytes(data: Data) -> bytes:
    tensors = {name: value for name, value in data.to_dict().items() if isinstance(value, Tensor)}
    return packed(tensors)
