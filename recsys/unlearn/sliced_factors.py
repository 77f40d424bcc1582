"""Stages of a recommender in a chain: each adds factors of its own to frozen ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Generator, Tensor, nn
from torch_geometric.data import Data

from graphforget.core.errors import UserError
from graphforget.exact.recipe import Recipe, State
from graphforget.learn.trainer import descend
from recsys.interactions import Interactions
from recsys.learn.ease import log_matrix


@dataclass(frozen=True)
class SlicedFactors(Recipe):
    """A linear autoencoder of users' histories, grown stage by stage.

    The logits of a user with history ``x`` are ``sum over stages k of (x / |x|) A_k Q_k^T + b_k``,
    and a stage is trained by the cross-entropy of the softmax over all items (Liang et al.,
    Variational autoencoders for collaborative filtering, WWW 2018, without the variational part).
    Nobody has parameters of his own: a user is known by what he has taken, so that every shard
    answers for everybody. Items have a row by their number in the catalogue, which is public, or
    by a public hash of it; no vocabulary is learned.

    Args:
        num_items: size of the catalogue ``I``, told, since no slice needs to hold it all.
        width: of a stage's factors.
        buckets: rows that items are hashed into; 0 for a row an item.
        dropout: share of a history that is hidden while the whole of it is asked for.
        epochs: steps of a stage, each on all of its rows; fixed beforehand.
        learning_rate: step size of Adam.
        weight_decay: L2 penalty of Adam.
    """

    chained: ClassVar[bool] = True

    num_items: int
    width: int = 32
    buckets: int = 0
    dropout: float = 0.5
    epochs: int = 40
    learning_rate: float = 0.005
    weight_decay: float = 1e-5

    def __post_init__(self) -> None:
        for name, least in {"num_items": 1, "width": 1, "buckets": 0, "epochs": 1}.items():
            if not isinstance(getattr(self, name), int) or getattr(self, name) < least:
                raise UserError(
                    f"recipe {name}: wanted a whole number from {least}, got "
                    f"{getattr(self, name)!r}"
                )
        if not 0 <= self.dropout < 1:
            raise UserError(f"recipe dropout: wanted 0 up to below 1, got {self.dropout!r}")

    def train(self, rows: Data, before: Sequence[State], seed: int) -> State:
        taken = rows.x[rows.x.any(1)]
        own = self._fresh(seed, first=not before)
        if len(taken):
            frozen = [{name: value.detach() for name, value in state.items()} for state in before]
            target = taken / taken.sum(1, keepdim=True)

            def loss(model: nn.Module, generator: Generator) -> Tensor:
                shown = torch.rand(taken.shape, generator=generator) >= self.dropout
                states: list[State] = [*frozen, dict(model.named_parameters())]
                logits = self.logits(taken * shown, states)
                return -(target * logits.log_softmax(1)).sum(1).mean()

            stage = nn.ParameterDict(own)
            optimizer = torch.optim.Adam(
                stage.parameters(), lr=self.learning_rate, weight_decay=self.weight_decay
            )
            descend(stage, loss, optimizer, self.epochs, seed)
            own = dict(stage.named_parameters())
        return {name: value.detach().clone() for name, value in own.items()}

    def respond(self, rows: Data, states: Sequence[State]) -> Tensor:
        return self.logits(rows.x, states).softmax(1)

    def constant(self, rows: Data) -> Tensor:
        return torch.full((len(rows.x), self.num_items), 1 / self.num_items, dtype=rows.x.dtype)

    def logits(self, x: Tensor, states: Sequence[State]) -> Tensor:
        """Logits of all items, shape ``(B, I)``, from histories of the same shape."""
        x = x / x.square().sum(1, keepdim=True).sqrt().clamp(min=1.0)
        place = self._places(x.device)
        inner = torch.cat([state["input"] for state in states], dim=1)[place]
        outer = torch.cat([state["output"] for state in states], dim=1)[place]
        bias = torch.stack([state["bias"] for state in states]).sum(0)[place]
        return (x @ inner) @ outer.t() + bias

    def _fresh(self, seed: int, first: bool) -> State:
        """Factors of which the outer ones are zero after the first stage, which they do not change.

        The inner ones are not, so both learn from the second step on.
        """
        generator, rows = Generator().manual_seed(seed), self.buckets or self.num_items
        shape, scale = (rows, self.width), 0.1
        inner, outer = (torch.randn(shape, generator=generator) * scale for _ in range(2))
        return {
            "input": inner,
            "output": outer if first else torch.zeros_like(outer),
            "bias": torch.zeros(rows),
        }

    def _places(self, device: torch.device) -> Tensor:
        """The row of each item, shape ``(I,)``."""
        items = torch.arange(self.num_items, device=device)
        if not self.buckets:
            return items
        return (items * 2_654_435_761 % 4_294_967_296) % self.buckets  # Knuth's multiplication


def histories(log: Interactions) -> Data:
    """Users as rows of what they have taken in training, for machinery that knows no pairs.

    Args:
        log: the log.

    Returns:
        ``x``, shape ``(U, I)``, zeros and ones; no edges.

    >>> log = Interactions.of(torch.tensor([[0, 1], [2, 0]]), num_users=2, num_items=3)
    >>> histories(log).x.tolist()
    [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
    """
    taken = log_matrix(log.edge_index, log.num_users, log.num_items).float()
    return Data(x=taken, edge_index=log.edge_index[:, :0])
