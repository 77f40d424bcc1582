"""A user's own graph: an .npz file or a folder of tables."""

from __future__ import annotations

from pathlib import Path

from torch_geometric.data import Data

from graphforget.core.errors import UserError
from graphforget.data.arrays import checked
from graphforget.data.graphs import GRAPHS, load_graph
from graphforget.data.npz import read_npz
from graphforget.data.tables import read_tables


def load_data(name: str | Path, root: str | Path | None = None) -> Data:
    """Load a public graph by its name, or a user's own by its path.

    Args:
        name: one of `GRAPHS`, an ``.npz`` file or a folder. A name wins over a file so called;
            write ``./cora`` for the file.
        root: folder of the public graphs.

    Raises:
        UserError: neither a name nor a file, or bad content.

    Example:
        >>> load_data("digits").num_features
        64
    """
    path = Path(name).expanduser()
    own = isinstance(name, Path) or any(mark in str(name) for mark in ("/", "\\", ".npz"))
    known = str(name).strip().lower().replace("-", "_")
    if not own and known in {graph.replace("-", "_") for graph in GRAPHS}:
        return load_graph(str(name), root)
    if own or path.exists():
        return load_own(path)
    return load_graph(str(name), root)  # says what is known


def load_own(path: str | Path, directed: bool = False) -> Data:
    """Load a user's own graph.

    An ``.npz`` file holds ``edge_index``, shape ``(2, E)``, ``x``, shape ``(N, F)``, and, where
    there are labels, ``y``, shape ``(N,)`` (-1: none), and optionally ``train_mask``, ``val_mask``
    and ``test_mask``, shape ``(N,)``. It is read without pickle. A folder holds the tables that
    `graphforget.data.tables.read_tables` describes.

    Args:
        path: an ``.npz`` file or a folder.
        directed: keep the directions of the edges. Otherwise the graph is made undirected, which
            is what requests to forget an edge speak of.

    Returns:
        A graph with ``edge_index`` sorted and without repeats; ``node_id`` says how the user names
        the nodes, where that is not 0 to N-1: a tensor, shape ``(N,)``, or a list of texts.

    Raises:
        UserError: the file is missing or damaged, an array is missing, of the wrong shape or
            kind, not finite, or out of range. Always one line that names file and array.
    """
    place = Path(path).expanduser()
    if place.is_dir():
        arrays = read_tables(place)
    elif place.suffix == ".npz" and place.is_file():
        arrays = read_npz(place)
    elif place.exists():
        raise UserError(f"{place}: wanted an .npz file or a folder of CSV or Parquet tables")
    else:
        raise UserError(f"{place}: no such file or folder; check the path")
    return checked(arrays, str(place), directed)
