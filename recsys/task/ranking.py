"""Ranking: which items a user would take next, by a score of user and item."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn
from torch_geometric.data import Data

from graphforget.core.errors import UserError
from graphforget.task import LinkPrediction
from recsys.interactions import ITEM, USER, Interactions
from recsys.ranking import KS, per_user, table, top_items
from recsys.task.rivals import Rivals

USERS_AT_ONCE = 2048
"""Users whose scores of all items are in memory at the same time."""

WIDE = 128
"""From this width on, many pairs are read from a table of scores instead of one by one."""


@dataclass(frozen=True)
class Ranking(LinkPrediction):
    """The items of each user in the order of a score, trained so that taken ones come first.

    A model's output has a row for every user and item, and a pair's score is read off its two
    rows: the inner product and, of the last ``joint`` columns, what a hidden layer makes of both
    sides together, ``sum_c s_c relu(u_c + i_c)`` with sign ``s_c`` plus in the first half of them
    and minus in the second. Items are pairs of nodes, user above item, shape ``(2, K)``.

    Args:
        out_channels: width ``C`` of the rows; models of any other width are read as well.
        joint: how many of the columns are hidden units that see both sides, an even number.
        cutoffs: lengths of the list that is scored.
    """

    joint: int = 0
    cutoffs: tuple[int, ...] = KS

    def __post_init__(self) -> None:
        super().__post_init__()
        whole = isinstance(self.joint, int) and self.joint >= 0 and self.joint % 2 == 0
        if not whole or self.joint > self.out_channels:
            raise UserError(
                "ranking: joint: wanted an even number of columns from 0 to "
                f"{self.out_channels}, got {self.joint!r}"
            )
        if not self.cutoffs or min(self.cutoffs) < 1:
            raise UserError(f"ranking: wanted cutoffs from 1, got {self.cutoffs!r}")

    def check(self, data: Data) -> None:
        if "node_type" not in data:
            raise UserError(
                "ranking: wanted a graph of users and items; make one with "
                "recsys.interactions.Interactions.of"
            )
        if data.edge_index.size(1) == 0:
            raise UserError("ranking: wanted training pairs, got none; hold fewer pairs out")
        if "test_pos_edge_index" not in data:
            raise UserError("ranking: wanted test_pos_edge_index; make it with Interactions.of")

    def train_items(self, data: Data) -> Tensor:
        """Training pairs, user node above item node, shape ``(2, K)``."""
        return data.train_nodes if isinstance(data, Interactions) else super().train_items(data)

    def read(self, output: Tensor, items: Tensor) -> Tensor:
        inner = output.size(1) - self.joint
        if inner >= WIDE and items.size(1) > WIDE:
            found = _read_from_table(output[:, :inner], items)
        else:
            found = (output[items[0], :inner] * output[items[1], :inner]).sum(-1)
        if self.joint:
            units = (output[items[0], inner:] + output[items[1], inner:]).relu()
            found = found + self._signed(units)
        return found

    def scores(self, output: Tensor, users: Tensor, data: Data) -> Tensor:
        """Scores of all items for some users, shape ``(B, I)``.

        Args:
            output: the model's, shape ``(N, C)``.
            users: shape ``(B,)``.
            data: the log.
        """
        inner = output.size(1) - self.joint
        ours, theirs = output[users], output[data.node_type == 1]
        found = ours[:, :inner] @ theirs[:, :inner].t()
        if self.joint:
            half = self.joint // 2
            for units, sign in ((slice(inner, inner + half), 1), (slice(inner + half, None), -1)):
                both = [
                    (one[units] + theirs[:, units]).relu().sum(-1)
                    for one in ours
                ]
                found = found + sign * torch.stack(both)
        return found

    def loss(self, model: nn.Module, data: Data, generator: Generator) -> Tensor:
        """Mean BPR loss of all training pairs, each against an item its user has not taken."""
        pairs = self.train_items(data)
        return self.pairwise_loss(model, data, pairs, Rivals(data)(pairs, generator))

    def pairwise_loss(
        self, model: nn.Module, data: Data, pairs: Tensor, rivals: Tensor
    ) -> Tensor:
        """``-log sigmoid(s_ui - s_uj)``, the mean over pairs (Rendle et al., BPR, UAI 2009).

        Args:
            model: the network.
            data: the log it looks at.
            pairs: user and item nodes ``u, i``, shape ``(2, K)``.
            rivals: the same users and other items ``u, j``, shape ``(2, K)``.
        """
        output = model(data.x, data.edge_index)
        gap = self.read(output, pairs) - self.read(output, rivals)
        return F.softplus(-gap).mean()

    @torch.no_grad()
    def yardstick(self, output: Tensor, data: Data, items: Tensor, seed: int) -> Tensor:
        """Log-sum-exp of the scores of all items that the pair's user has not taken, ``(K,)``.

        What is left of a logit is its margin (evaluation.md 4.1.2): by how much the item beats
        all that could be recommended instead.
        """
        own, place = items[0].unique(return_inverse=True)
        found = output.new_empty(len(own))
        for rows, scores, seen, _ in self._by_user(output, data, data.edge_index, own):
            found[rows] = scores.masked_fill(seen, -torch.inf).logsumexp(1)
        return found[place]

    @torch.no_grad()
    def evaluate(self, model: nn.Module, data: Data) -> dict[str, float]:
        """``val_ndcg@10``, ``test_ndcg@20``, ``..._recall@k``, ``..._hit@k`` and ``..._auc``.

        Means over the users who have held-out items. Neither training items of the user nor
        items of which no pair is left are recommended, and nor are validation items when test
        items are sought.
        """
        output, known = model(data.x, data.edge_index), data.edge_index
        found: dict[str, float] = {}
        for part, held in (("val", self.val_items(data)), ("test", self.test_items(data))):
            if held.size(1):
                found |= {f"{part}_{name}": value
                          for name, value in self._scored(output, data, known, held).items()}
            known = torch.cat([known, held], dim=1)
        return found

    @torch.no_grad()
    def recommend(self, model: nn.Module, data: Data, users: Tensor, k: int) -> Tensor:
        """The ``k`` best items of each user that he has not taken, best first, ``(B, k)``.

        Items are counted from 0; -1 where none is left.
        """
        output, lists = model(data.x, data.edge_index), [users.new_empty(0, k)]
        own, place = users.unique(return_inverse=True)
        for _, scores, seen, _ in self._by_user(output, data, data.edge_index, own):
            lists.append(top_items(scores, seen, k))
        return torch.cat(lists)[place]

    def _scored(
        self, output: Tensor, data: Data, known: Tensor, held: Tensor
    ) -> dict[str, float]:
        each: dict[str, list[Tensor]] = {}
        some = self._by_user(output, data, known, held[0].unique(), held)
        for _, scores, seen, wanted in some:
            measured = per_user(scores, seen, wanted, self.cutoffs)
            measured["auc"] = user_auc(scores, seen, wanted)
            for name, values in measured.items():
                each.setdefault(name, []).append(values)
        return {name: float(torch.cat(values).nanmean()) for name, values in each.items()}

    def _by_user(
        self,
        output: Tensor,
        data: Data,
        known: Tensor,
        users: Tensor,
        held: Tensor | None = None,
    ) -> Iterator[tuple[slice, Tensor, Tensor, Tensor]]:
        """Some users at a time: their rows, scores, what cannot be recommended, what is held out.

        Users are all different; the last three have shape ``(B, I)``.
        """
        first = int((data.node_type == 0).sum())
        num_items = int((data.node_type == 1).sum())
        absent = absent_items(data)
        for start in range(0, len(users), USERS_AT_ONCE):
            some = users[start : start + USERS_AT_ONCE]
            seen = _table(known, some, first, num_items) | absent
            wanted = seen if held is None else _table(held, some, first, num_items)
            yield slice(start, start + len(some)), self.scores(output, some, data), seen, wanted

    def _signed(self, units: Tensor) -> Tensor:
        half = self.joint // 2
        return units[..., :half].sum(-1) - units[..., half:].sum(-1)


def random_items(data: Data, count: int, generator: Generator) -> Tensor:
    """Nodes of items, all equally likely, shape ``(count,)``; see `Rivals` for training."""
    first, last = int((data.node_type == 0).sum()), int(data.num_nodes or 0)
    drawn = torch.randint(first, last, (count,), generator=generator, device=generator.device)
    return drawn.to(data.edge_index.device)


def user_auc(scores: Tensor, seen: Tensor, wanted: Tensor) -> Tensor:
    """Share of the pairs of a wanted and an unwanted item that stand in the right order, ``(U,)``.

    Equal scores count half, so that a model which knows nothing of a user reaches 0.5.

    Args:
        scores: shape ``(U, I)``.
        seen: what cannot be recommended, bool, shape ``(U, I)``.
        wanted: held-out items, bool, shape ``(U, I)``.

    >>> scores = torch.tensor([[3.0, 2.0, 1.0, 9.0]])
    >>> user_auc(scores, scores == 9, scores == 2).tolist()
    [0.5]
    """
    wanted = wanted & ~seen
    scores = scores.masked_fill(seen, -torch.inf)
    ordered = scores.sort(dim=1).values
    first, behind = (torch.searchsorted(ordered, scores, right=right) for right in (False, True))
    place = (first + behind - 1) / 2 - seen.sum(1, keepdim=True)
    good, all_left = wanted.sum(1), (~seen).sum(1)
    below = (place * wanted).sum(1) - good * (good - 1) / 2
    return below / (good * (all_left - good))


def _table(nodes: Tensor, users: Tensor, first: int, num_items: int) -> Tensor:
    """Which of ``users`` has which item by pairs of nodes in either order, ``(B, I)``."""
    low, high = nodes.amin(0), nodes.amax(0)
    row = torch.full((first,), -1, device=nodes.device)
    row[users] = torch.arange(len(users), device=nodes.device)
    ours = row[low] >= 0
    pairs = torch.stack([row[low[ours]], high[ours] - first])
    return table(pairs, len(users), num_items)


def absent_items(data: Data) -> Tensor:
    """Items of which no pair is left, bool, shape ``(I,)``: new, or forgotten."""
    first, num_items = (int((data.node_type == side).sum()) for side in (USER, ITEM))
    held = [data[name][1] for name in ("val_pos_edge_index", "test_pos_edge_index") if name in data]
    there = torch.cat([data.edge_index.amax(0), *held]) - first
    return torch.bincount(there, minlength=num_items) == 0


def _read_from_table(rows: Tensor, items: Tensor) -> Tensor:
    """Inner products of many pairs of wide rows through the table of all of them."""
    ours, at = items[0].unique(return_inverse=True)
    theirs, there = items[1].unique(return_inverse=True)
    if len(ours) * len(theirs) > 16 * items.size(1) * max(1, rows.size(1) // WIDE):
        return torch.cat([(rows[u] * rows[i]).sum(-1)
                          for u, i in zip(*(side.split(4096) for side in items), strict=True)])
    return (rows[ours] @ rows[theirs].t())[at, there]
