"""Tasks: how a model answers, how it is trained and how it is scored.

A task holds no data and no model. Everything that differs between classifying nodes and
predicting links is here, so that learners, unlearners and audits are written once for both.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Generator, Tensor, nn
from torch_geometric.data import Data
from torch_geometric.nn import MessagePassing

from graphforget.request import ForgetRequest


class Task(ABC):
    """What a graph model is asked to do.

    Items are what the task predicts: nodes, shape ``(K,)``, or links, shape ``(2, K)``.
    """

    out_channels: int
    """Width of the model's output, ``C``."""

    def reads(self, width: int) -> bool:
        """Whether an output of this width has an answer in it."""
        return width == self.out_channels

    @abstractmethod
    def check(self, data: Data) -> None:
        """Raise a `UserError` if ``data`` cannot be used for the task."""

    @abstractmethod
    def train_items(self, data: Data) -> Tensor:
        """Items that training uses as examples."""

    @abstractmethod
    def val_items(self, data: Data) -> Tensor:
        """Items held out for choosing."""

    @abstractmethod
    def test_items(self, data: Data) -> Tensor:
        """Items held out for judging."""

    @abstractmethod
    def forgotten_items(self, request: ForgetRequest, data: Data) -> Tensor:
        """Items of the original ``data`` that a request touches."""

    @abstractmethod
    def read(self, output: Tensor, items: Tensor) -> Tensor:
        """Logits of ``items`` out of a model's output ``(N, C)``: ``(K, C)``, or ``(K,)``."""

    @abstractmethod
    def probability(self, logits: Tensor) -> Tensor:
        """Logits as probabilities of the same shape."""

    @abstractmethod
    def example_loss(self, logits: Tensor, data: Data, items: Tensor) -> Tensor:
        """Loss of each item as a training example, shape ``(K,)``."""

    @abstractmethod
    def loss(self, model: nn.Module, data: Data, generator: Generator) -> Tensor:
        """The training objective on a graph or a batch of it: a scalar, in nats."""

    @abstractmethod
    def divergence(self, teacher: Tensor, student: Tensor) -> Tensor:
        """KL(teacher, student) of each item from both sides' logits, in nats, shape ``(K,)``."""

    @abstractmethod
    def curvature(self, logits: Tensor, along: Tensor) -> Tensor:
        """Hessian of the loss in an item's logits times a vector, of the shape of ``logits``.

        It does not depend on what is true: `divergence` from any teacher has it, and so has the
        cross-entropy with any label.
        """

    @abstractmethod
    def margin(self, logits: Tensor, data: Data, items: Tensor) -> Tensor:
        """How sure a model is of what is true, one number an item, shape ``(K,)``."""

    def yardstick(self, output: Tensor, data: Data, items: Tensor, seed: int) -> Tensor:
        """What audits take off an item's margin, so that a shift of all logits does not count.

        Args:
            output: the model's, shape ``(N, C)``.
            data: the original data.
            items: shape ``(K,)`` or ``(2, K)``.
            seed: of what is drawn.

        Returns:
            Shape ``(K,)``; zero where margins compare by themselves.
        """
        return output.new_zeros(items.size(-1))

    @abstractmethod
    def evaluate(self, model: nn.Module, data: Data) -> dict[str, float]:
        """Utility on the validation and test items."""

    def logits(self, model: nn.Module, data: Data, items: Tensor) -> Tensor:
        """Logits of ``items``, shape ``(K, C)`` for nodes and ``(K,)`` for links."""
        return self.read(model(data.x, data.edge_index), items)

    @torch.no_grad()
    def response(self, model: nn.Module, data: Data, items: Tensor) -> Tensor:
        """Probabilities of ``items``, of the shape of `logits`."""
        return self.probability(self.logits(model, data, items))

    def embeddings(self, model: nn.Module, data: Data) -> list[Tensor]:
        """Output of each message-passing layer before its activation, each ``(N, H)``."""
        found: list[Tensor] = []
        layers = [module for module in model.modules() if isinstance(module, MessagePassing)]
        hooks = [
            layer.register_forward_hook(lambda _m, _i, output: found.append(output))
            for layer in layers
        ]
        try:
            model(data.x, data.edge_index)
        finally:
            for hook in hooks:
                hook.remove()
        return found
