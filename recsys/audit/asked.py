"""What audits ask of a recommender: the scores and the lists that it has for its own users."""

from __future__ import annotations

import torch
from torch import Tensor

from graphforget.core.errors import UserError
from graphforget.trained import Trained
from recsys.interactions import Interactions
from recsys.task import Ranking


def parts(trained: Trained) -> tuple[Ranking, Interactions]:
    """The task and the log of a recommender.

    Raises:
        UserError: if the model is none.
    """
    task, data = trained.task, trained.data
    if not isinstance(task, Ranking) or not isinstance(data, Interactions):
        raise UserError(
            f"audit: wanted a Ranking on Interactions, got {type(task).__name__} on "
            f"{type(data).__name__}; graphs are audited by graphforget.audit"
        )
    return task, data


@torch.no_grad()
def user_scores(trained: Trained, users: Tensor | None = None) -> Tensor:
    """Scores of all items for some users, by default all, shape ``(B, I)``."""
    task, data = parts(trained)
    asked = torch.arange(data.num_users) if users is None else users
    return task.scores(trained.model(data.x, data.edge_index), asked, data)


def lists(trained: Trained, k: int = 20) -> Tensor:
    """What a model recommends to each of its users, shape ``(U, k)``."""
    task, data = parts(trained)
    return task.recommend(trained.model, data, torch.arange(data.num_users), k)
