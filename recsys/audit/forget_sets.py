"""Forget sets of recommenders: random ones, the most and the least active, the memorised.

Random sets are the easy case. Population attacks rank these sets in the wrong order; the true
worst case is memorised pairs of the tail (recsys_unlearning.md 5.5).
"""

from __future__ import annotations

import re

import torch
from torch import Generator, Tensor

from graphforget.core.errors import UserError
from graphforget.data.draw import draw, highest
from graphforget.protocols import Learner
from graphforget.removal import keep_edges, pair_codes
from graphforget.request import ForgetRequest
from graphforget.task import Task
from graphforget.trained import Trained
from recsys.audit.many import fit_many
from recsys.interactions import Interactions

GRAMMAR = (
    "users:AMOUNT[:core|edge], items:AMOUNT[:core|edge] or interactions:AMOUNT[:memorised], "
    "AMOUNT being 5% or 100"
)

Sign = {"core": 1.0, "edge": -1.0}
"""What the number of pairs is multiplied with, so that who is wanted stands highest."""


def random_users(data: Interactions, count: int, seed: int) -> ForgetRequest:
    """Sample users who have training pairs, all equally likely."""
    return ForgetRequest("user", draw(_there(data, 0), count, seed, "users"))


def random_items(data: Interactions, count: int, seed: int) -> ForgetRequest:
    """Sample items that have training pairs, all equally likely."""
    return ForgetRequest("item", draw(_there(data, 1), count, seed, "items"))


def random_interactions(data: Interactions, count: int, seed: int) -> ForgetRequest:
    """Sample training pairs, all equally likely."""
    return ForgetRequest("interaction", draw(data.pairs, count, seed, "interactions"))


def core_users(data: Interactions, count: int, seed: int) -> ForgetRequest:
    """Take the users with the most training pairs; the seed decides between equals."""
    return _by_activity(data, "user", count, seed, Sign["core"])


def edge_users(data: Interactions, count: int, seed: int) -> ForgetRequest:
    """Take the users with the fewest training pairs; the seed decides between equals."""
    return _by_activity(data, "user", count, seed, Sign["edge"])


def memorised_interactions(
    data: Interactions,
    task: Task,
    learner: Learner,
    count: int,
    seed: int,
    models: int = 8,
) -> ForgetRequest:
    """Take the pairs that models rank high only when they were trained on them.

    Args:
        data: the log.
        task: a ranking.
        learner: trains ``models`` models, each on half of the pairs.
        count: how many.
        seed: of the halves and the trainings.
        models: an even number.
    """
    score = memorisation(data, task, learner, seed, models)
    return ForgetRequest(
        "interaction", highest(data.pairs, score, count, seed, "memorised interactions")
    )


@torch.no_grad()
def margins(trained: Trained, pairs: Tensor, data: Interactions) -> Tensor:
    """Score of pairs of nodes less the log-sum-exp of what else could be recommended, ``(K,)``.

    Items that a user took in ``data`` do not count as what else there is, whatever of them the
    model was trained on: all models are measured by the same yardstick.

    Args:
        trained: the model asked, on its own log.
        pairs: nodes, the user's first, shape ``(2, K)``.
        data: the original log.
    """
    task, own = trained.task, trained.data
    output = trained.model(own.x, own.edge_index)
    return task.read(output, pairs) - task.yardstick(output, data, pairs, 0)


def memorisation(
    data: Interactions, task: Task, learner: Learner, seed: int, models: int = 8
) -> Tensor:
    """Margin when trained on less margin when not, of each training pair, shape ``(E,)``.

    Halves come in complementary pairs, so each pair is seen by exactly half of the models
    (evaluation.md 10). Models of matrix factorisation are trained side by side.

    Raises:
        UserError: for an odd number of models.
    """
    if models < 2 or models % 2:
        raise UserError(f"memorisation needs an even number of models, not {models}")
    pairs, generator = task.train_items(data), Generator().manual_seed(seed)
    size, nodes = pairs.size(1), int(data.num_nodes or 0)
    seen = torch.zeros(models, size, dtype=torch.bool)
    for first in range(0, models, 2):
        seen[first, torch.randperm(size, generator=generator)[: size // 2]] = True
        seen[first + 1] = ~seen[first]
    codes = pair_codes(pairs, nodes)
    edges = pair_codes(data.edge_index, nodes)
    difference = torch.zeros(size)
    for rows in (range(0, models, 2), range(1, models, 2)):  # halves of one size side by side
        logs = [keep_edges(data, torch.isin(edges, codes[seen[row]])) for row in rows]
        seeds = [seed + row // 2 for row in rows]
        for row, trained in zip(rows, fit_many(learner, data, task, seeds, logs), strict=True):
            found = margins(trained, pairs, data)
            difference += torch.where(seen[row], found, -found)
    return difference / (models // 2)


def parse_forget_set(
    text: str, data: Interactions, task: Task, seed: int, learner: Learner | None = None
) -> ForgetRequest:
    """Sample the request that a text describes.

    Args:
        text: in the grammar of `GRAMMAR`; a share is of the users, items or pairs of the log.
        data: the log.
        task: a ranking.
        seed: of the draw.
        learner: trains the models that find memorised pairs; needed for these only.

    Raises:
        UserError: a malformed text, or more than there are.

    >>> log = Interactions.of(torch.tensor([[0, 0, 1], [0, 1, 1]]), num_users=2, num_items=2)
    >>> from recsys.task import Ranking
    >>> parse_forget_set("users:1:core", log, Ranking(), seed=0).index
    (0,)
    """
    kind, amount, which = (*text.strip().lower().split(":"), "", "")[:3]
    there = {"users": lambda: _there(data, 0), "items": lambda: _there(data, 1),
             "interactions": lambda: data.pairs[0]}
    if kind not in there or text.count(":") > 2:
        raise _malformed(text)
    count = count_of(amount, len(there[kind]()), text)
    if kind == "interactions" and which == "memorised":
        if learner is None:
            raise UserError(f"forget set {text!r}: memorised pairs need a learner to find them")
        return memorised_interactions(data, task, learner, count, seed)
    if kind != "interactions" and which in Sign:
        return _by_activity(data, kind[:-1], count, seed, Sign[which])
    if which:
        raise _malformed(text)
    plain = {"users": random_users, "items": random_items, "interactions": random_interactions}
    return plain[kind](data, count, seed)


def in_turn(request: ForgetRequest, parts: int, seed: int) -> list[ForgetRequest]:
    """A request as several of about equal size, in a random order: a stream of what it names.

    >>> [each.size for each in in_turn(ForgetRequest("user", tuple(range(7))), parts=3, seed=0)]
    [3, 2, 2]
    """
    order = torch.randperm(request.size, generator=Generator().manual_seed(seed))
    return [ForgetRequest(request.kind, tuple(request.index[at] for at in some.tolist()))
            for some in order.tensor_split(min(parts, request.size))]


def _by_activity(
    data: Interactions, kind: str, count: int, seed: int, sign: float
) -> ForgetRequest:
    side = 0 if kind == "user" else 1
    pool = _there(data, side)
    score = sign * data.pairs[side].bincount()[pool]
    return ForgetRequest(kind, highest(pool, score, count, seed, f"{kind}s"))


def _there(data: Interactions, side: int) -> Tensor:
    """Users (0) or items (1) with training pairs, shape ``(K,)``."""
    return data.pairs[side].unique()


def count_of(amount: str, there: int, text: str) -> int:
    """Read ``5%`` of what is there, at least one, or a whole number."""
    share = re.fullmatch(r"([0-9]{1,3}(?:\.[0-9]{1,9})?)%", amount)
    if share and 0 < float(share[1]) <= 100:
        return max(1, round(float(share[1]) / 100 * there))
    if re.fullmatch(r"[0-9]{1,12}", amount) and int(amount) > 0:
        return int(amount)
    raise UserError(f"forget set {text!r}: wanted an amount such as 5% or 100, got {amount!r}")


def _malformed(text: str) -> UserError:
    return UserError(f"forget set {text[:80]!r} is not understood; wanted {GRAMMAR}")
