"""What a trained click model's loss feels when the vectors of a row's fields move."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from graphforget.learn.aside import aside
from recsys.models import ClickModel


def field_gradients(model: ClickModel, ids: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
    """The vectors of some rows, and the gradient of each row's own loss with respect to them.

    In eval mode no row sees another, so the gradient of the *summed* loss holds the gradient of
    every row: one backward pass for a whole batch, which stops at the vectors and never touches
    the embedding table.

    Args:
        model: in whatever mode; it answers in eval mode and keeps its gradients.
        ids: shape ``(B, C)``.
        label: shape ``(B,)``, float.

    Returns:
        Vectors and gradients of the cross-entropy, both of shape ``(B, F, d)``.
    """
    device = model.embedding.weight.device
    ids, label = ids.to(device), label.to(device)
    with aside(model), torch.enable_grad():
        e = model.embedding(ids).detach().requires_grad_()
        logit = model.backbone(model.gate(e, ids))
        loss = F.binary_cross_entropy_with_logits(logit, label, reduction="sum")
        (gradient,) = torch.autograd.grad(loss, e)
    return e.detach(), gradient
