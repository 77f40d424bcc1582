"""Where an audit looks: the forgotten items, what lies around them, the rest, and unseen items."""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Generator, Tensor
from torch_geometric.nn import MessagePassing

from graphforget.removal import pair_codes
from graphforget.request import ForgetRequest
from graphforget.trained import Trained


@dataclass(frozen=True, eq=False)
class Regions:
    """Items of the task, nodes ``(K,)`` or links ``(2, K)``, sorted by their part in a request.

    Args:
        forgotten: what the request touches.
        ring: seen in training, not forgotten, but near enough that the answers can change.
        rest: seen in training and out of reach.
        test: held out, never trained on, and not of a forgotten class.
        same_class: held out and of a class that is forgotten; empty for other requests.
        retained: the training examples that stay.
    """

    forgotten: Tensor
    ring: Tensor
    rest: Tensor
    test: Tensor
    same_class: Tensor
    retained: Tensor

    def present(self) -> dict[str, Tensor]:
        """The regions that hold anything, by name."""
        named = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: items for name, items in named.items() if items.numel()}


def regions(
    before: Trained, request: ForgetRequest, at_most: int = 2000, seed: int = 0
) -> Regions:
    """Sort the items of the original data by their part in a request.

    Args:
        before: the original model with its data.
        request: what is to be forgotten.
        at_most: a larger region is sampled down to this many items.
        seed: seed of that sample.
    """
    data, task = before.data, before.task
    draw = Generator().manual_seed(seed)
    near = request.affected(data, layers(before.model))
    forgotten = task.forgotten_items(request, data)
    test = _less(task.test_items(request.retained(data)), forgotten, data.num_nodes)
    train = _less(task.train_items(data), forgotten, data.num_nodes)
    seen, same_class = train, test[..., :0]
    if forgotten.dim() == 1:  # nodes: all that are labelled answer, not the training nodes alone
        labelled = (data.y >= 0).nonzero().flatten()
        forgotten = forgotten[data.y[forgotten] >= 0]
        seen = _less(_less(labelled, forgotten, data.num_nodes), test, data.num_nodes)
        if request.kind == "class":
            named = torch.isin(data.y[test], request.tensor.to(test.device))
            test, same_class = test[~named], test[named]
        inside = near[seen]
    else:
        inside = near[seen].any(0)
    parts = (forgotten, seen[..., inside], seen[..., ~inside], test, same_class, train)
    return Regions(*(_sample(part, at_most, draw) for part in parts))


def layers(model: torch.nn.Module) -> int:
    """How many hops a node of the model sees: its message-passing layers, at least one."""
    return max(1, sum(isinstance(module, MessagePassing) for module in model.modules()))


def _less(items: Tensor, gone: Tensor, num_nodes: int) -> Tensor:
    if items.dim() == 1:
        return items[~torch.isin(items, gone)]
    codes = pair_codes(items, num_nodes)
    return items[:, ~torch.isin(codes, pair_codes(gone, num_nodes))]


def _sample(items: Tensor, at_most: int, draw: Generator) -> Tensor:
    if items.size(-1) <= at_most:
        return items
    kept = torch.randperm(items.size(-1), generator=draw)[:at_most].sort().values
    return items[..., kept.to(items.device)]
