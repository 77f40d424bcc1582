"""Reader of a graph from one .npz file, without pickle and without trusting its headers."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from graphforget.core.errors import UserError
from graphforget.data.arrays import PARTS, Arrays, refuse_more_than_memory


def read_npz(path: Path) -> Arrays:
    """Read ``edge_index``, ``x`` and, where they are, ``y`` and the masks.

    Raises:
        UserError: no archive, a missing or pickled array, or more than fits into memory.
    """
    wanted = ("edge_index", "x")
    optional = ("y", *(f"{part}_mask" for part in PARTS))
    try:
        with zipfile.ZipFile(path) as archive:
            refuse_more_than_memory(path, sum(entry.file_size for entry in archive.infolist()))
        with np.load(path, allow_pickle=False) as file:
            for name in wanted:
                if name not in file.files:
                    have = ", ".join(file.files[:10]) or "nothing"
                    raise UserError(f"{path}: array {name!r} is missing; the file has {have}")
            found = {name: file[name] for name in (*wanted, *optional) if name in file.files}
    except UserError:
        raise
    except MemoryError:
        raise UserError(f"{path}: an array is larger than memory") from None
    except Exception as error:  # zipfile, zlib and numpy raise a dozen kinds on damaged input
        if "allow_pickle" in str(error):
            raise UserError(
                f"{path}: holds pickled objects, which are never opened; "
                "save plain number arrays with numpy.savez"
            ) from None
        why = " ".join(str(error).split())[:120] or type(error).__name__
        raise UserError(f"{path}: not a readable .npz file ({why}); save it anew") from None
    masks = {part: found[f"{part}_mask"] for part in PARTS if f"{part}_mask" in found}
    return Arrays(found["edge_index"], found["x"], found.get("y"), masks)
