"""The network of ERASE: any encoder, rows of bounded length, and a linear head."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from graphforget.core.errors import UserError
from graphforget.learn.aside import aside
from graphforget.nn.features import dropped, unit_rows


class Representation(nn.Module):
    """Rows of unit length, then ReLU: what the coding rate is taken of (erase_graph.md 1.2).

    Args:
        order: of the norm: 1 as on small graphs, 2 as on large ones (1.7).
    """

    def __init__(self, order: int = 1) -> None:
        super().__init__()
        self.order = order

    def forward(self, h: Tensor) -> Tensor:
        """Representations, shape ``(N, d)``, of an encoder's output of that shape."""
        return F.normalize(h, p=float(self.order), dim=1).relu()


class ERASENetwork(nn.Module):
    """Encoder, representation and head: ``forward(x, edge_index)`` gives logits ``(N, C)``.

    Args:
        encoder: any module with ``forward(x, edge_index) -> (N, width)``.
        width: of the representations, ``d``.
        num_classes: ``C``.
        input_dropout: probability of dropping a feature in training.
        order: of the norm of the representations.
        unit_features: scale the features of each node to an L1 norm of 1 first.

    >>> import torch
    >>> from graphforget.nn import GCN
    >>> network = ERASENetwork(GCN(hidden=8).build(3, 4, seed=0), width=4, num_classes=2)
    >>> network(torch.eye(3), torch.tensor([[0, 1], [1, 2]])).shape
    torch.Size([3, 2])
    """

    def __init__(
        self, encoder: nn.Module, width: int, num_classes: int, input_dropout: float = 0.5,
        order: int = 1, unit_features: bool = True,
    ) -> None:
        super().__init__()
        self.encoder, self.input_dropout = encoder, input_dropout
        self.unit_features = unit_features
        self.representation = Representation(order)
        self.head = nn.Linear(width, num_classes)

    def represent(self, x: Tensor, edge_index: Tensor) -> Tensor:
        """Representations ``Z``, shape ``(N, d)``, not negative.

        Args:
            x: shape ``(N, F)``, dense or CSR.
            edge_index: shape ``(2, E)``.
        """
        if self.unit_features:
            x = unit_rows(x)
        if self.training and self.input_dropout:
            x = dropped(x, self.input_dropout)
        return self.representation(self.encoder(x, edge_index))

    def classify(self, z: Tensor) -> Tensor:
        """Logits ``(N, C)`` of representations ``(N, d)``: the head reads their direction."""
        return self.head(F.normalize(z, dim=1))

    def forward(self, x: Tensor, edge_index: Tensor) -> Tensor:
        """Logits, shape ``(N, C)``."""
        return self.classify(self.represent(x, edge_index))


def network_in(model: nn.Module) -> ERASENetwork:
    """The network of ERASE in a model, which may be wrapped by an unlearner's operators.

    Raises:
        UserError: if there is none.
    """
    for module in model.modules():
        if isinstance(module, ERASENetwork):
            return module
    raise UserError(
        f"ERASE: wanted an ERASENetwork, got {type(model).__name__}; put your encoder into one"
    )


def representations(model: nn.Module, x: Tensor, edge_index: Tensor) -> Tensor:
    """Representations of a model that is an `ERASENetwork` or is wrapped around one.

    Returns:
        Shape ``(N, d)``, with all that the wrapping does to the layers.
    """
    if isinstance(model, ERASENetwork):
        return model.represent(x, edge_index)
    found: list[Tensor] = []
    last = network_in(model).representation
    hook = last.register_forward_hook(lambda _module, _inputs, output: found.append(output))
    try:
        model(x, edge_index)
    finally:
        hook.remove()
    return found[-1]


def settled(model: nn.Module, x: Tensor, edge_index: Tensor) -> Tensor:
    """Representations in eval mode and without a gradient, shape ``(N, d)``."""
    with aside(model):
        return representations(model, x, edge_index)
