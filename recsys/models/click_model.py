"""A model of clicks: embedding, gate, backbone."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from recsys.models.backbone import Backbone
from recsys.models.embedding import FieldEmbedding
from recsys.models.gate import Gate
from recsys.table import Field


class ClickModel(nn.Module):
    """Says how likely a click is, from the ids of a row.

    Args:
        embedding: looks up the vectors of the fields.
        gate: weighs them.
        backbone: the network that a `Backbone` built for that many fields.

    >>> import torch
    >>> from recsys.models import DeepFM
    >>> model = ClickModel.of([Field("user", 5), Field("item", 9)], DeepFM(), width=4, seed=0)
    >>> model(torch.tensor([[1, 8], [4, 0], [2, 2]])).shape
    torch.Size([3])
    """

    def __init__(self, embedding: FieldEmbedding, gate: Gate, backbone: nn.Module) -> None:
        super().__init__()
        self.embedding, self.gate, self.backbone = embedding, gate, backbone

    @classmethod
    def of(
        cls,
        fields: Sequence[Field],
        backbone: Backbone,
        width: int,
        seed: int,
        gate: Gate | None = None,
    ) -> ClickModel:
        """A model with fresh weights.

        Args:
            fields: of the table, ``F`` of them.
            backbone: the recipe of the network.
            width: of the vectors.
            seed: of the weights of embedding and network.
            gate: used as it is, not copied; by default everything passes.
        """
        return cls(
            FieldEmbedding(fields, width, seed),
            Gate() if gate is None else gate,
            backbone.build(len(fields), width, seed),
        )

    def forward(self, ids: Tensor) -> Tensor:
        """Logits, shape ``(B,)``, from ids, shape ``(B, C)``."""
        return self.backbone(self.gate(self.embedding(ids), ids))
