"""The samplers as the command line names them: ``edges:5%:in``, ``class:3``."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from torch_geometric.data import Data

from graphforget.core.errors import UserError
from graphforget.data.memorised import memorised
from graphforget.data.sample_edges import (
    bridge_edges,
    dissimilar_edges,
    edges_far_from_test,
    edges_near_test,
    hub_edges,
    random_edges,
    training_edges,
)
from graphforget.data.sample_nodes import (
    features_of,
    hub_nodes,
    node_pool,
    nodes_of_class,
    random_nodes,
    whole_class,
)
from graphforget.protocols import Learner
from graphforget.request import ForgetRequest
from graphforget.task import Task

Sampler = Callable[[Data, int, int], ForgetRequest]

GRAMMAR = (
    "edges:AMOUNT[:in|out|hub|bridge|dissimilar|memorised], "
    "nodes:AMOUNT[:hub|memorised|class=C], features:AMOUNT or class:C, AMOUNT being 5% or 100"
)

_EDGES: Mapping[str, Sampler] = {
    "": random_edges,
    "in": edges_near_test,
    "out": edges_far_from_test,
    "hub": hub_edges,
    "bridge": bridge_edges,
    "dissimilar": dissimilar_edges,
}
_NODES: Mapping[str, Sampler] = {"": random_nodes, "hub": hub_nodes}


def parse_sample(
    text: str, data: Data, task: Task, seed: int, learner: Learner | None = None
) -> ForgetRequest:
    """Sample the request that a text describes.

    A share is of the edges that can be asked for (training links where links are predicted), or
    of the nodes that can be: training nodes, or nodes with a link where links are predicted.

    Args:
        text: in the grammar of `GRAMMAR`.
        data: the graph.
        task: decides what ``memorised`` means.
        seed: of the draw.
        learner: trains the models that find the memorised items; needed for these only.

    Raises:
        UserError: a malformed text, or more items than there are.

    Example:
        >>> import torch
        >>> from graphforget.task import LinkPrediction
        >>> path = Data(edge_index=torch.tensor([[0, 1, 2], [1, 2, 3]]), num_nodes=4)
        >>> parse_sample("edges:100%", path, LinkPrediction(), seed=0).index
        ((0, 1), (1, 2), (2, 3))
    """
    kind, *rest = text.strip().lower().split(":")
    if kind == "class" and len(rest) == 1:
        return whole_class(data, _label(rest[0], text))
    if kind not in ("edges", "nodes", "features") or not 1 <= len(rest) <= 2:
        raise _malformed(text)
    if len(rest) == 2 and not rest[1]:
        raise _malformed(text)
    there = training_edges(data).shape[1] if kind == "edges" else node_pool(data).numel()
    sampler = _sampler(kind, rest[1] if len(rest) == 2 else "", text, task, learner)
    return sampler(data, _count(rest[0], there, text), seed)


def _sampler(kind: str, which: str, text: str, task: Task, learner: Learner | None) -> Sampler:
    if kind == "features" and not which:
        return features_of
    if kind == "nodes" and which.startswith("class="):
        label = _label(which.removeprefix("class="), text)
        return lambda data, count, seed: nodes_of_class(data, label, count, seed)
    if kind in ("edges", "nodes") and which == "memorised":
        return _memorised(kind, text, task, learner)
    known = {"edges": _EDGES, "nodes": _NODES}.get(kind, {})
    if which not in known:
        raise _malformed(text)
    return known[which]


def _memorised(kind: str, text: str, task: Task, learner: Learner | None) -> Sampler:
    if learner is None:
        raise UserError(f"sample {text!r}: memorised items need a learner to train models with")

    def sample(data: Data, count: int, seed: int) -> ForgetRequest:
        items = task.train_items(data)
        if (items.dim() == 2) != (kind == "edges"):
            what = "edges" if items.dim() == 2 else "nodes"
            raise UserError(f"sample {text!r}: this task memorises {what}; ask for these")
        return memorised(data, task, learner, count, seed)

    return sample


def _count(amount: str, there: int, text: str) -> int:
    """Read ``5%`` of what is there, at least one, or a whole number."""
    share = re.fullmatch(r"([0-9]{1,3}(?:\.[0-9]{1,9})?)%", amount)
    if share and 0 < float(share[1]) <= 100:
        return max(1, round(float(share[1]) / 100 * there))
    if re.fullmatch(r"[0-9]{1,12}", amount) and int(amount) > 0:
        return int(amount)
    raise UserError(f"sample {text!r}: wanted an amount such as 5% or 100, got {amount!r}")


def _label(label: str, text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", label):
        raise UserError(f"sample {text!r}: wanted the number of a class, got {label!r}")
    return int(label)


def _malformed(text: str) -> UserError:
    return UserError(f"sample {text[:80]!r} is not understood; wanted {GRAMMAR}")
