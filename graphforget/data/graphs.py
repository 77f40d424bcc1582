"""Public graphs by name, read from a local folder of raw files through PyG's own readers."""

from __future__ import annotations

import difflib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor
from torch_geometric import datasets
from torch_geometric.data import Data
from torch_geometric.utils import coalesce, to_undirected

from graphforget.core.errors import UserError
from graphforget.data.arxiv import read_arxiv
from graphforget.data.cache import build_in_cache
from graphforget.data.digits import digits_graph


@dataclass(frozen=True)
class _Source:
    """One public graph: its folder below the root, and the PyG class that reads it."""

    folder: str
    reader: type
    title: str | None = None  # what the class calls it; None where the folder alone says it
    raw: str = "raw"
    directed: bool = False

    def build(self, root: str, reader: type) -> Any:
        if self.title is None:
            return reader(os.path.join(root, self.folder))
        return reader(root, self.title)


# PyG's Planetoid reader unpickles the raw files (ind.cora.x ...), as its authors published them.
# Point `root` only at copies you trust; all other sets are read without pickle.
_SOURCES: dict[str, _Source] = {
    "cora": _Source("Cora", datasets.Planetoid, "Cora"),
    "citeseer": _Source("CiteSeer", datasets.Planetoid, "CiteSeer"),
    "pubmed": _Source("PubMed", datasets.Planetoid, "PubMed"),
    "cora_ml": _Source("cora_ml", datasets.CitationFull, "Cora_ML"),
    "dblp": _Source("dblp", datasets.CitationFull, "DBLP"),
    "corafull": _Source("cora", datasets.CitationFull, "Cora"),
    "photo": _Source("Photo", datasets.Amazon, "Photo"),
    "computers": _Source("Computers", datasets.Amazon, "Computers"),
    "cs": _Source("CS", datasets.Coauthor, "CS"),
    "physics": _Source("Physics", datasets.Coauthor, "Physics"),
    "actor": _Source("Actor", datasets.Actor, directed=True),
    "chameleon": _Source(
        "chameleon", datasets.WikipediaNetwork, "chameleon", "geom_gcn/raw", directed=True
    ),
    "squirrel": _Source(
        "squirrel", datasets.WikipediaNetwork, "squirrel", "geom_gcn/raw", directed=True
    ),
    "tolokers": _Source("tolokers", datasets.HeterophilousGraphDataset, "Tolokers"),
    "roman_empire": _Source("roman_empire", datasets.HeterophilousGraphDataset, "Roman-empire"),
    "minesweeper": _Source("minesweeper", datasets.HeterophilousGraphDataset, "Minesweeper"),
    "amazon_ratings": _Source(
        "amazon_ratings", datasets.HeterophilousGraphDataset, "Amazon-ratings"
    ),
    "questions": _Source("questions", datasets.HeterophilousGraphDataset, "Questions"),
    "wn18rr": _Source("WN18RR", datasets.WordNet18RR, directed=True),
}

GRAPHS: tuple[str, ...] = ("digits", *_SOURCES, "ogbn-arxiv")
"""The names that `load_graph` knows."""


def load_graph(name: str, root: str | Path | None = None, split: int = 0) -> Data:
    """Load a public graph by its name.

    ``digits`` needs nothing; every other set is looked for in ``root/graph/<folder>/raw`` and
    ``root/<folder>/raw`` and, where it is not there, downloaded by PyG into the cache. The root is
    never written to.

    ``wn18rr`` is a knowledge graph: it has ``edge_type``, shape ``(E,)``, and ``edge_split``,
    shape ``(E,)`` (0 train, 1 validation, 2 test), but no ``x``, so the encoders of this package
    do not read it as it comes.

    Args:
        name: one of `GRAPHS`; case and ``-`` or ``_`` do not matter.
        root: folder of the data sets; else ``$GRAPHFORGET_DATA``.
        split: which public split, where the set was published with several (ten for ``actor``).

    Returns:
        ``x``, shape ``(N, F)`` float; ``edge_index``, shape ``(2, E)``, sorted, no duplicates, both
        directions of an edge unless the set is directed (``actor``, ``chameleon``, ``squirrel``,
        ``wn18rr``); ``y``, shape ``(N,)``; and masks, shape ``(N,)``, of the public split if any.

    Raises:
        UserError: unknown name, no root, missing or damaged files, no such split.

    Example:
        >>> load_graph("digits").num_nodes
        1797
    """
    known = {_plain(graph): graph for graph in GRAPHS}
    key = known.get(_plain(name))
    if key is None:
        close = difflib.get_close_matches(_plain(name), known, n=1)
        hint = f", did you mean {known[close[0]]!r}?" if close else ";"
        raise UserError(f"unknown graph {name!r}{hint} known: {', '.join(GRAPHS)}")
    if key == "digits":
        return digits_graph()
    folder = _root(key, root)
    if key == "ogbn-arxiv":
        raw = read_arxiv(_find(folder, "ogbn_arxiv", "raw") or folder / "ogbn_arxiv")
        return _tidy(key, raw, directed=False, split=split)
    return _load(key, _SOURCES[key], folder, split)


def _load(name: str, source: _Source, root: Path, split: int) -> Data:
    found = _find(root, source.folder, source.raw)
    reader = source.reader if found is None else _offline(source.reader)
    try:
        dataset = build_in_cache(
            name,
            None if found is None else found / source.raw,
            f"{source.folder}/{source.raw}",
            lambda entry: source.build(entry, reader),
        )
    except Exception as error:  # PyG and its readers raise whatever their libraries raise
        if found is None:
            raise UserError(
                f"{name}: no raw files in {root / 'graph' / source.folder / source.raw} or "
                f"{root / source.folder / source.raw}, and the download failed "
                f"({_one_line(error)}); put the files there or give another root"
            ) from error
        raise UserError(
            f"{name}: cannot read {found / source.raw} ({_one_line(error)}); "
            "copy the raw files anew"
        ) from error
    return _tidy(name, dataset[0], source.directed, split)


def _tidy(name: str, raw: Data, directed: bool, split: int) -> Data:
    """Keep what this package reads: x, edge_index, y and the masks of one split."""
    edge_index, num_nodes = raw.edge_index, raw.num_nodes
    if raw.get("edge_type") is not None:
        part = raw.val_mask.long() + 2 * raw.test_mask.long()
        return Data(
            edge_index=edge_index, edge_type=raw.edge_type, edge_split=part, num_nodes=num_nodes
        )
    bring = coalesce if directed else to_undirected
    data = Data(
        x=raw.x.float(), edge_index=bring(edge_index, num_nodes=num_nodes), y=raw.y.long().view(-1)
    )
    for mask in ("train_mask", "val_mask", "test_mask"):
        if raw.get(mask) is not None:
            data[mask] = _column(name, raw[mask].bool(), split)
    return data


def _column(name: str, mask: Tensor, split: int) -> Tensor:
    columns = mask if mask.dim() == 2 else mask.unsqueeze(1)
    if not 0 <= split < columns.shape[1]:
        raise UserError(f"{name}: split must be 0 to {columns.shape[1] - 1}, not {split}")
    return columns[:, split].clone()


def _root(name: str, root: str | Path | None) -> Path:
    place = root or os.environ.get("GRAPHFORGET_DATA")
    if not place:
        raise UserError(
            f"{name}: no data folder; give --root (root=...) or set GRAPHFORGET_DATA, "
            "or take 'digits', which needs none"
        )
    folder = Path(place).expanduser()
    if not folder.is_dir():
        raise UserError(f"{name}: the data folder {folder} does not exist; make it or give another")
    return folder


def _find(root: Path, folder: str, raw: str) -> Path | None:
    for place in (root / "graph" / folder, root / folder):
        if (place / raw).is_dir():
            return place
    return None


def _offline(reader: type) -> type:
    """Return the reader without its download, which would overwrite through the cache's links."""

    def download(self: Any) -> None:
        missing = [Path(path).name for path in self.raw_paths if not os.path.exists(path)]
        raise FileNotFoundError(f"missing {', '.join(missing)}")

    return type(reader.__name__, (reader,), {"download": download})


def _plain(name: str) -> str:
    return name.strip().lower().replace("-", "_")


def _one_line(error: BaseException) -> str:
    return " ".join((str(error) or type(error).__name__).split())[:200]
