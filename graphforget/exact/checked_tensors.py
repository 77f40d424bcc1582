"""Files of tensors that tell, each tensor by itself, whether they are as they were written."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import safetensors.torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from graphforget.core.files import sha256_of_tensors

DIGESTS = "digests"


def packed(tensors: Mapping[str, Tensor]) -> bytes:
    """The content of a safetensors file that also has the digest of every tensor."""
    content = {name: tensor.contiguous() for name, tensor in tensors.items()}
    digests = {name: sha256_of_tensors({name: tensor}) for name, tensor in content.items()}
    return safetensors.torch.save(content, {DIGESTS: json.dumps(digests, sort_keys=True)})


def unpacked(
    path: Path, wanted: Callable[[str], bool] = lambda name: True
) -> dict[str, Tensor]:
    """The tensors of a file that `packed` made, those with a wanted name; others are not read.

    Raises:
        OSError: if it cannot be read.
        ValueError: if it is no such file, or a tensor is not what was written.

    >>> import tempfile, torch
    >>> path = Path(tempfile.mkdtemp()) / "rows.safetensors"
    >>> _ = path.write_bytes(packed({"x": torch.ones(1), "y": torch.zeros(1)}))
    >>> unpacked(path, wanted=lambda name: name == "x")
    {'x': tensor([1.])}
    >>> _ = path.write_bytes(path.read_bytes()[:-1] + b"?")
    >>> unpacked(path)
    Traceback (most recent call last):
    ...
    ValueError: y is not what was written
    """
    try:
        with safe_open(path, framework="pt") as file:
            names = sorted(filter(wanted, file.keys()))
            found = {name: file.get_tensor(name).clone() for name in names}
            digests = json.loads((file.metadata() or {}).get(DIGESTS, "{}"))
    except SafetensorError as error:
        raise ValueError(str(error)) from None
    for name, tensor in found.items():
        if name not in digests:
            raise ValueError(f"no digest of {name}, as another version or program wrote it")
        if digests[name] != sha256_of_tensors({name: tensor}):
            raise ValueError(f"{name} is not what was written")
    return found
