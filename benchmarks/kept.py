"""Trainings kept on disk, so that a measurement that is taken up again does not repeat them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from safetensors.torch import load_file, save_file
from torch import Tensor
from torch_geometric.data import Data

from graphforget.audit import fit_many
from graphforget.core.config import to_config
from graphforget.core.files import folder_atomically, sha256_of_tensors
from graphforget.protocols import Learner
from graphforget.task import Task
from graphforget.trained import Trained


def fit_kept(
    folder: Path, learner: Learner, data: Data, task: Task, seeds: Sequence[int]
) -> list[Trained]:
    """`fit_many`, or what it gave the last time for the same learner, graph and seeds.

    Args:
        folder: where trainings are kept, one folder each, with weights only: no code is loaded.
        learner: how to train.
        data: the graph.
        task: what for.
        seeds: one seed a model.
    """
    home = folder / _key(learner, data, task, seeds)
    if not home.exists():
        models = fit_many(learner, data, task, seeds)
        with folder_atomically(home) as fresh:
            for each in models:
                save_file(_tensors(each), fresh / f"{each.seed}.safetensors")
        return models
    return [_read(home / f"{seed}.safetensors", learner, data, task, seed) for seed in seeds]


def _key(learner: Learner, data: Data, task: Task, seeds: Sequence[int]) -> str:
    tensors = {name: value for name, value in data.to_dict().items() if isinstance(value, Tensor)}
    said = [to_config(learner), to_config(task), list(seeds), sha256_of_tensors(tensors)]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:24]


def _tensors(trained: Trained) -> dict[str, Tensor]:
    return dict(_named(trained))


def _named(trained: Trained) -> Iterator[tuple[str, Tensor]]:
    for name, value in trained.model.state_dict().items():
        yield f"model/{name}", value.contiguous()
    for name, value in trained.optimizer.items():
        yield f"optimizer/{name}", value.contiguous()
    for epoch, taken in trained.snapshots.items():
        for name, value in taken.items():
            yield f"{epoch}/{name}", value.contiguous()


def _read(path: Path, learner: Learner, data: Data, task: Task, seed: int) -> Trained:
    parts: dict[str, dict[str, Tensor]] = {}
    for key, value in load_file(path).items():
        part, _, name = key.partition("/")
        parts.setdefault(part, {})[name] = value
    model = learner.build(data, task, seed)
    model.load_state_dict(parts.pop("model"))
    optimizer = parts.pop("optimizer", {})
    snapshots = {int(epoch): taken for epoch, taken in sorted(parts.items())}
    return Trained(model, data, task, learner, seed, optimizer, snapshots)
