"""What turns the vectors of the fields into a logit."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import nn

from graphforget.core.errors import UserError


class Backbone(ABC):
    """The recipe of a network over field vectors. Subclasses are frozen dataclasses of sizes.

    The network takes vectors of shape ``(B, F, d)`` and gives logits of shape ``(B,)``.
    """

    def build(self, num_fields: int, width: int, seed: int) -> nn.Module:
        """A network with fresh weights.

        Args:
            num_fields: ``F``.
            width: ``d``.
            seed: of the weights; torch's own generator is left as it was.

        Raises:
            UserError: if there is no such network on so few fields.
        """
        if num_fields < 1 or width < 1:
            raise UserError(
                f"{type(self).__name__}: wanted at least 1 field and width 1, got {num_fields} "
                f"fields and width {width}"
            )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return self.network(num_fields, width)

    @abstractmethod
    def network(self, num_fields: int, width: int) -> nn.Module:
        """The network, with weights from torch's generator; subclasses write this."""
