"""Trained stages on the disk, each under the address of all that it was made from.

Who wants a stage computes its address; a file of that name is the stage, and no other file can be
taken for it. After a deletion the addresses of the stages that saw what was deleted are others,
so training what is missing is the repair.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import safetensors.torch
from safetensors import SafetensorError, safe_open

from graphforget.core.config import to_config
from graphforget.core.errors import UserError
from graphforget.core.files import sha256_of_tensors, write_atomically
from graphforget.exact.destroy import destroy_file
from graphforget.exact.environment import environment
from graphforget.exact.plan import Path as StagePath
from graphforget.exact.recipe import Recipe, State

FORMAT = 1
"""Of the files and of what an address is made from."""

SUFFIX = ".safetensors"


def stage_address(
    recipe: Recipe,
    seed: int,
    shard: int,
    path: StagePath,
    rows: str,
    before: Sequence[str],
    environment: Mapping[str, str],
) -> str:
    """Sha256 of all that decides the bits of a stage.

    Args:
        recipe: how it is trained.
        seed: root seed of the system.
        shard: whose stage it is.
        path: the slices that it has seen, in order.
        rows: digest of their rows.
        before: addresses of the stages that it stands on.
        environment: versions and machine, see `graphforget.exact.environment`.
    """
    made_from = {
        "format": FORMAT,
        "recipe": to_config(recipe),
        "seed": seed,
        "shard": shard,
        "path": list(path),
        "rows": rows,
        "before": list(before),
        "environment": dict(environment),
    }
    return hashlib.sha256(json.dumps(made_from, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class StageFiles:
    """A folder of trained stages.

    Args:
        folder: where they are; made when the first is saved.
        environment: of those that are trained into it; by default the present one.
    """

    folder: Path
    environment: Mapping[str, str] = field(default_factory=environment)

    def addresses(self, shard: int) -> list[str]:
        """Of the stages of a shard that are on the disk, sorted."""
        return sorted(file.stem for file in self._shard(shard).glob(f"*{SUFFIX}")
                      if not file.name.startswith("."))

    def has(self, shard: int, address: str) -> bool:
        """Whether there is a file of that stage, whole or damaged."""
        return self.path(shard, address).exists()

    def path(self, shard: int, address: str) -> Path:
        """The file of a stage."""
        return self._shard(shard) / f"{address}{SUFFIX}"

    def save(self, shard: int, path: StagePath, address: str, state: State) -> None:
        """Write a stage, whole or not at all."""
        header = {
            "format": str(FORMAT),
            "address": address,
            "shard": str(shard),
            "path": json.dumps(path),
            "content": sha256_of_tensors(state),
            "environment": json.dumps(dict(self.environment), sort_keys=True),
        }
        tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
        write_atomically(self.path(shard, address), safetensors.torch.save(tensors, header))

    def load(self, shard: int, address: str) -> State:
        """The weights of a stage.

        Raises:
            UserError: if the file is missing, cannot be read, is another stage's, or its content
                is not what was saved; it names shard and stage.
        """
        file = self.path(shard, address)
        try:
            header = self.header(shard, address)
            state = safetensors.torch.load(file.read_bytes())
        except (OSError, SafetensorError) as error:
            raise _damaged(shard, address, None, f"{type(error).__name__}: {error}") from error
        stage = header.get("path")
        if header.get("address") != address or header.get("shard") != str(shard):
            raise _damaged(shard, address, stage, "the file of another stage")
        if header.get("content") != sha256_of_tensors(state):
            raise _damaged(shard, address, stage, "weights that were changed after training")
        return state

    def header(self, shard: int, address: str) -> dict[str, Any]:
        """What a file says of itself, unchecked."""
        with safe_open(self.path(shard, address), framework="pt") as file:
            return dict(file.metadata() or {})

    def destroy(self, shard: int, address: str) -> bool:
        """Overwrite and remove a stage; returns whether it was there."""
        return destroy_file(self.path(shard, address))

    def _shard(self, shard: int) -> Path:
        return Path(self.folder) / f"shard-{shard:04d}"


def _damaged(shard: int, address: str, stage: str | None, came: str) -> UserError:
    name = f"stage {stage}" if stage else f"stage file {address[:12]}"
    return UserError(
        f"shard {shard}, {name}: wanted its weights, got {came}; the shard is not served from it, "
        "destroy the file and repair to train the stage again"
    )
