"""Run folders: a trained model on disk, as safetensors and JSON, never as pickle.

``config.json`` says how to build it again, ``model.safetensors`` holds the weights,
``optimizer.safetensors`` and ``snapshots/`` the states that some unlearners start from,
``data.safetensors`` and ``split.safetensors`` the graph, ``node_ids.json`` the names of its nodes
where they are texts, ``data.json`` what the graph is, and ``metrics.json`` what was measured. A
folder is written under a temporary name and renamed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch_geometric.data import Data

from graphforget.core.config import class_of_ours, from_config, to_config
from graphforget.core.errors import UserError
from graphforget.core.files import folder_atomically, sha256_of_tensors
from graphforget.core.record import versions
from graphforget.protocols import Learner, Unlearner
from graphforget.removal import HELD_OUT_EDGES, SPLIT_MASKS, OwnKinds
from graphforget.task import Task
from graphforget.trained import Step, Trained

SCHEMA = 1
NAMES = "node_ids.json"


def save(
    trained: Trained,
    folder: Path,
    metrics: Mapping[str, Any] | None = None,
    with_data: bool = True,
) -> None:
    """Write a run folder.

    Args:
        trained: what to write.
        folder: a path that does not exist yet.
        metrics: written to ``metrics.json``.
        with_data: write the graph too; without it only its digest is kept.

    Raises:
        UserError: if the folder exists.
    """
    with folder_atomically(folder) as new:
        _write_json(new / "config.json", _config(trained))
        _write_json(new / "data.json", describe(trained.data))
        _write_json(new / "metrics.json", dict(metrics or {}))
        _write_tensors(new / "model.safetensors", trained.model.state_dict())
        if trained.optimizer:
            _write_tensors(new / "optimizer.safetensors", trained.optimizer)
        for epoch, taken in trained.snapshots.items():
            (new / "snapshots").mkdir(exist_ok=True)
            _write_tensors(new / "snapshots" / f"epoch_{epoch}.safetensors", taken)
        if with_data:
            tensors = data_tensors(trained.data)
            split = {k: v for k, v in tensors.items() if k in SPLIT_MASKS + HELD_OUT_EDGES}
            _write_tensors(new / "split.safetensors", split)
            _write_tensors(
                new / "data.safetensors", {k: v for k, v in tensors.items() if k not in split}
            )
            if isinstance(trained.data.get("node_id"), list):
                _write_json(new / NAMES, {"node_id": trained.data.node_id})


def load(folder: Path, model: nn.Module | None = None, data: Data | None = None) -> Trained:
    """Read a run folder.

    Args:
        folder: the run folder.
        model: a module of the right shape, for a run that holds a module of the user's own.
        data: the graph, for a run that was saved without it; its digest must agree.

    Raises:
        UserError: naming the file, if one is missing, damaged, not safetensors or does not fit.
    """
    config = read_json(folder / "config.json")
    if config.get("schema") != SCHEMA:
        raise UserError(
            f"{folder / 'config.json'}: wanted schema {SCHEMA}, got {config.get('schema')!r}; "
            "load it with the version that wrote it"
        )
    try:
        task = _built(config["task"], Task)
        learner = None if config["learner"] is None else _built(config["learner"], Learner)
        history = tuple(
            Step(**{**step, "unlearner": _built(step["unlearner"], Unlearner)})
            for step in config["history"]
        )
        seed = int(config["seed"])
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise UserError(f"{folder / 'config.json'}: not a run's configuration ({error})") from None
    data = _data(folder, data)
    model = _model(folder, model, data, task, learner, history, seed)
    optimizer = folder / "optimizer.safetensors"
    return Trained(
        model=model,
        data=data,
        task=task,
        learner=learner,
        seed=seed,
        optimizer=read_tensors(optimizer) if optimizer.exists() else {},
        snapshots={
            _epoch(path): read_tensors(path)
            for path in sorted((folder / "snapshots").glob("epoch_*.safetensors"))
        },
        history=history,
    )


def describe(data: Data) -> dict[str, Any]:
    """What a graph is, whatever folder it came from: name, sizes and a digest of its tensors.

    A graph with kinds of request of its own also names its class.
    """
    own = type(data)
    return ({"class": f"{own.__module__}.{own.__qualname__}"} if own is not Data else {}) | {
        "name": data.get("name"),
        "num_nodes": data.num_nodes,
        "num_edges": data.num_edges,
        "num_features": data.num_features,
        "sha256": sha256_of_tensors(data_tensors(data)),
    }


def data_tensors(data: Data) -> dict[str, Tensor]:
    """The tensors of a graph by name."""
    return {key: value for key, value in data.items() if isinstance(value, Tensor)}


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object, or raise a `UserError` that names the file."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(
            f"{path}: cannot be read ({error.strerror}); wanted a run folder written by "
            "graphforget train or forget"
        ) from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: wanted JSON ({error}); the run folder is damaged") from None
    if not isinstance(content, dict):
        raise UserError(f"{path}: wanted a JSON object; the run folder is damaged")
    return content


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read a safetensors file, or raise a `UserError` that names it; pickle is refused."""
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise UserError(
            f"{path}: wanted a safetensors file ({error}); pickled checkpoints are not read"
        ) from None


def _epoch(path: Path) -> int:
    number = path.stem.removeprefix("epoch_")
    if not number.isdecimal():
        raise UserError(f"{path}: wanted the number of an epoch in the name; the run is damaged")
    return int(number)


def _config(trained: Trained) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "task": to_config(trained.task),
        "learner": None if trained.learner is None else to_config(trained.learner),
        "model": type(trained.model).__name__,
        "seed": trained.seed,
        "history": [
            {
                "digest": step.digest,
                "kind": step.kind,
                "size": step.size,
                "unlearner": to_config(step.unlearner),
                "seed": step.seed,
            }
            for step in trained.history
        ],
        "versions": versions(),
    }


def _built(config: dict[str, Any], kind: type) -> Any:
    built = from_config(config)
    if not isinstance(built, kind):
        raise ValueError(f"wanted a {kind.__name__}, got {type(built).__name__}")
    return built


def _data(folder: Path, data: Data | None) -> Data:
    described = read_json(folder / "data.json")
    if data is None:
        if not (folder / "data.safetensors").exists():
            raise UserError(
                f"{folder}: the run was saved without its data; pass the graph "
                f"{described.get('name')!r} to load it"
            )
        tensors = read_tensors(folder / "data.safetensors")
        data = _empty(described, folder)
        for name, tensor in (tensors | read_tensors(folder / "split.safetensors")).items():
            data[name] = tensor
        if described.get("name") is not None:
            data.name = described["name"]
        if (folder / NAMES).exists():
            data.node_id = _names(folder / NAMES, data.num_nodes)
    if sha256_of_tensors(data_tensors(data)) != described.get("sha256"):
        raise UserError(
            f"{folder}: the data's digest differs from data.json; they are not the data of this run"
        )
    return data


def _empty(described: Mapping[str, Any], folder: Path) -> Data:
    """An empty graph of the class that ``data.json`` names."""
    if "class" not in described:
        return Data()
    own = class_of_ours(str(described["class"]))
    if not issubclass(own, OwnKinds):
        raise UserError(
            f"{folder / 'data.json'}: class: wanted a graph with kinds of request of its own, got "
            f"{own.__name__}; the run folder is damaged"
        )
    return own()


def _names(path: Path, num_nodes: int | None) -> list[str]:
    names = read_json(path).get("node_id")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise UserError(f"{path}: wanted node_id, a list of texts; the run folder is damaged")
    if len(names) != num_nodes:
        raise UserError(
            f"{path}: wanted a name for each of {num_nodes} nodes, got {len(names)}; the run "
            "folder is damaged"
        )
    return names


def _model(
    folder: Path,
    model: nn.Module | None,
    data: Data,
    task: Task,
    learner: Learner | None,
    history: tuple[Step, ...],
    seed: int,
) -> nn.Module:
    if model is None:
        if learner is None:
            raise UserError(
                f"{folder}: the run holds a module of your own; pass it as Trained.load(folder, "
                "model=...)"
            )
        model = learner.build(data, task, seed)
        for step in history:
            model = step.unlearner.wrap(model, data)
    weights = read_tensors(folder / "model.safetensors")
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"{folder / 'model.safetensors'}: weights do not fit ({reason})") from None
    return model


def _write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    save_file({key: torch.as_tensor(value).contiguous().clone() for key, value in tensors.items()},
              path)
