"""What student and teachers are asked, and on which part of the graph."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field

import torch
from torch import Generator, Tensor
from torch_geometric.data import Data

from graphforget.core.neighborhood import Adjacency, induced
from graphforget.request import ForgetRequest
from graphforget.task.links import random_pairs
from graphforget.trained import Trained
from graphforget.unlearn.views import message_passing, quick_input

WORTH_CUTTING = 0.5
"""Share of the nodes under which a cut graph is cheaper than the whole one."""


@dataclass(frozen=True, eq=False)
class Questions:
    """Items that stay and items that go, on a graph small enough for the request.

    Args:
        graph: the retained graph, whole or cut around the request, with the forgotten nodes' own
            features where nodes go: they are isolated, so no other answer depends on them.
        kept: retained items in it, nodes ``(K,)`` or links ``(2, K)``; links with random pairs.
        gone: forgotten items in it, of the same form.
    """

    graph: Data
    kept: Tensor
    gone: Tensor


def asked_graph(request: ForgetRequest, data: Data) -> Data:
    """The whole graph that questions are asked on."""
    goes = request.named(data)[0] in ("node", "class")
    return request.probe(data) if goes else request.retained(data)


def questions(
    trained: Trained,
    request: ForgetRequest,
    graph: Data,
    company: int,
    seed: int,
    most: float = WORTH_CUTTING,
) -> Questions:
    """All training items near the request and in some random company, or all there are.

    The divergence from a teacher who is asked on the same cut graph is zero at the start and
    curved like the whole, whatever was cut; so the part may be small, and the cost of a step
    follows the request. Where the neighbourhood is most of the graph, or nobody in the part was
    trained on, the whole is asked.

    Args:
        trained: the original model.
        request: what is forgotten.
        graph: the whole graph to ask on.
        company: nodes drawn from anywhere, who come with their neighbours, so that the student
            is not held in one place only.
        seed: of the draw.
        most: share of the nodes that the neighbourhood may have for the part to be asked alone.
    """
    task, generator = trained.task, Generator().manual_seed(seed)
    gone = task.forgotten_items(request, trained.data)
    nodes = _neighborhood(trained, request, company, generator, most)
    part = graph if nodes is None else induced(graph, nodes)
    if nodes is not None and task.train_items(part).numel():
        graph, gone = part, torch.searchsorted(nodes, gone.contiguous())
    kept = task.train_items(graph)
    if kept.dim() == 2:
        kept = torch.cat([kept, random_pairs(graph, kept.size(1), generator)], dim=1)
    return Questions(graph, kept, gone)


def is_local(trained: Trained, request: ForgetRequest, company: int, seed: int) -> bool:
    """Whether a request's neighbourhood and some company are little enough to be asked alone."""
    generator = Generator().manual_seed(seed)
    return _neighborhood(trained, request, company, generator, WORTH_CUTTING) is not None


def cut_around(data: Data, items: Tensor, layers: int) -> tuple[Data, Tensor]:
    """A graph in which a network gives the items the answers of the whole one, and their ids.

    It holds one hop for each layer, and one more because some layers normalise by degrees. Where
    that is most of the graph, the whole graph is returned.

    Args:
        data: the graph.
        items: nodes, shape ``(K,)``, or links, shape ``(2, K)``.
        layers: message-passing layers of the network.
    """
    nodes = _flow(data).khop(items.unique(), layers + 1)
    if layers == 0 or nodes.numel() > WORTH_CUTTING * data.num_nodes:
        return data, items
    return induced(data, nodes), torch.searchsorted(nodes, items.contiguous())


@dataclass(frozen=True, eq=False)
class Inputs:
    """Graphs with features in the form that the learner's network multiplies fastest.

    Graphs of one request mostly share their features, and turning these into sparse ones costs
    as much as several training steps, so each tensor is turned once.

    Args:
        trained: the original model, whose learner knows the form.
    """

    trained: Trained
    _done: list[tuple[Tensor, Tensor]] = field(default_factory=list, repr=False)

    def __call__(self, graph: Data) -> Data:
        """The graph with its features turned; ``graph`` is not changed."""
        turned = next((after for before, after in self._done if before is graph.x), None)
        if turned is None:
            turned = quick_input(self.trained, graph).x
            self._done.append((graph.x, turned))
        result = copy.copy(graph)
        result.x = turned
        return result


def _neighborhood(
    trained: Trained, request: ForgetRequest, company: int, generator: Generator, share: float
) -> Tensor | None:
    """Sorted nodes of the cut graph, or None where the whole graph is as cheap."""
    data, flow = trained.data, _flow(trained.data)
    layers = len(message_passing(trained.model))
    near = flow.khop(request.nodes(data).to(data.edge_index.device), layers + 1)
    most = WORTH_CUTTING * data.num_nodes
    by_id = trained.learner is not None and trained.learner.transductive
    large = near.numel() + company > most or near.numel() > share * data.num_nodes
    if layers == 0 or by_id or large:
        return None
    anyone = torch.randint(data.num_nodes, (company,), generator=generator).to(near.device)
    nodes = torch.cat([near, flow.khop(anyone, 1)]).unique()
    return None if nodes.numel() > most else nodes


def _flow(data: Data) -> Adjacency:
    """Neighbours in either direction."""
    both = torch.cat([data.edge_index, data.edge_index.flip(0)], dim=1)
    return Adjacency.of(both, data.num_nodes)
