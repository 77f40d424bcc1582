"""Deletion: a model with an operator behind each message-passing layer, for some nodes only.

The surgery is made with forward hooks for the length of one call, so it fits any module with
message-passing layers, and what is copied or saved is the model and the operators, nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from graphforget.core.errors import UserError
from graphforget.unlearn.views import message_passing


class Deletion(nn.Module):
    """Linear operators on the outputs of a model's layers, at the nodes that a request affects.

    ``h'_u = h_u W_l`` where ``masks[l, u]`` is set and ``h_u`` elsewhere, before the activation
    (Cheng et al., ICLR 2023, equation 3). Nodes are told apart by their ids, so the model answers
    only on graphs with the ``N`` nodes that it was made for.

    Args:
        model: network with ``forward(x, edge_index)`` and ``L`` message-passing layers.
        masks: where the operators act, bool, shape ``(L, N)``.
        widths: output width of each layer, ``L`` numbers.
        initial: constant that the operators are filled with.
    """

    masks: Tensor
    """Shape ``(L, N)``: whether the operator of a layer acts on a node."""

    def __init__(
        self, model: nn.Module, masks: Tensor, widths: Sequence[int], initial: float = 1e-3
    ) -> None:
        super().__init__()
        self.model = model
        dtype = next((parameter.dtype for parameter in model.parameters()), None)
        self.operators = nn.ParameterList(
            torch.full((width, width), initial, dtype=dtype, device=masks.device)
            for width in widths
        )
        self.register_buffer("masks", masks)

    def forward(self, x: Tensor, edge_index: Tensor) -> Tensor:
        """The model's output with the operators in place, shape ``(N, C)``.

        Raises:
            UserError: if the graph has another number of nodes.
        """
        if x.size(0) != self.masks.size(1):
            raise UserError(
                f"Deletion: wanted the graph of {self.masks.size(1)} nodes that the operators "
                f"were made for, got {x.size(0)}; ask it on the whole graph, not on a batch"
            )
        with behind_layers(self.model, self.operate):
            return self.model(x, edge_index)

    def operate(self, layer: int, output: Tensor) -> Tensor:
        """Output of a layer, shape ``(N, H)``, with the operator applied at its nodes."""
        nodes = self.masks[layer].nonzero().flatten()
        return output.index_copy(0, nodes, output[nodes] @ self.operators[layer])

    def cut(self, nodes: Tensor) -> Deletion:
        """The same model and operators, shared, for the sub-graph of ``nodes``, shape ``(K,)``."""
        inner = self.model.cut(nodes) if isinstance(self.model, Deletion) else self.model
        part = Deletion(inner, self.masks[:, nodes], [])
        part.operators = self.operators
        return part


@contextmanager
def behind_layers(model: nn.Module, change: Callable[[int, Tensor], Tensor]) -> Iterator[None]:
    """Within the block, ``change(l, output)`` replaces the output of message-passing layer ``l``.

    The innermost block acts first.
    """
    handles = [
        layer.register_forward_hook(
            lambda _module, _inputs, output, place=place: change(place, output), prepend=True
        )
        for place, layer in enumerate(message_passing(model))
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@torch.no_grad()
def layer_outputs(
    model: nn.Module,
    x: Tensor,
    edge_index: Tensor,
    change: Callable[[int, Tensor], Tensor] = lambda _place, output: output,
) -> list[Tensor]:
    """Output of each message-passing layer before ``change``, each of shape ``(N, H)``.

    Args:
        model: the network.
        x: node features, shape ``(N, F)``.
        edge_index: shape ``(2, E)``.
        change: what the layers above get to see instead.
    """
    found: dict[int, Tensor] = {}

    def record(place: int, output: Tensor) -> Tensor:
        found[place] = output
        return change(place, output)

    with behind_layers(model, record):
        model(x, edge_index)
    return [found[place] for place in sorted(found)]


@contextmanager
def fixed_first_layer(model: nn.Module) -> Iterator[None]:
    """Within the block, the first message-passing layer answers once and then repeats itself.

    For a model that is asked about one graph many times with that layer's weights unchanged: the
    product with the input features is most of the work (more than half of a step on Cora).
    """
    first = message_passing(model)[0]
    compute = first.forward
    seen: list[Tensor] = []

    def repeated(*args: Any, **kwargs: Any) -> Tensor:
        if not seen:
            seen.append(compute(*args, **kwargs))
        return seen[0]

    first.forward = repeated
    try:
        yield
    finally:
        del first.forward
