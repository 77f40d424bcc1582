"""An interaction log as a graph: users and items are its nodes, training pairs its edges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import Any

import torch
from torch import Tensor

from graphforget.core.errors import UserError
from graphforget.removal import OwnKinds, pair_codes

USER, ITEM = 0, 1
ATTRIBUTE = "user_"
"""Attributes of users are stored under names that begin so, one number a node, 0 for none."""

LIMITS = {"user": "num_users", "item": "num_items"}


class Interactions(OwnKinds):
    """Who took what, for learners, unlearners and audits that work on graphs.

    User ``u`` is node ``u`` and item ``i`` node ``num_users + i``; a training pair is an edge,
    there in both directions. Ids stay as they are when something is forgotten: a forgotten user
    or item is an isolated node. Make one with `Interactions.of`.

    Attributes:
        x: no features, shape ``(N, 0)``.
        edge_index: training pairs, both directions, sorted, shape ``(2, 2E)``.
        edge_time: when, shape ``(2E,)``; only where it is known.
        node_type: 0 for users, 1 for items, shape ``(N,)``; users come first.
        val_pos_edge_index: pairs held out for choosing, user node above item node, ``(2, V)``.
        test_pos_edge_index: pairs held out for judging, of the same form, ``(2, T)``.
        user_...: attributes of users, such as ``user_gender``, coded from 1, shape ``(N,)``.
        node_id: what users and items are called where the log comes from: whole numbers, shape
            ``(N,)``, or a list of texts; only where it is known.
    """

    kinds = ("user", "item", "interaction")

    @classmethod
    def of(
        cls,
        pairs: Tensor,
        num_users: int,
        num_items: int,
        val: Tensor | None = None,
        test: Tensor | None = None,
        times: Tensor | None = None,
        attributes: Mapping[str, Tensor] | None = None,
        name: str | None = None,
        ids: tuple[Sequence[Any], Sequence[Any]] | None = None,
    ) -> Interactions:
        """Make the graph of a log.

        Args:
            pairs: users and items of the training pairs, each counted from 0, shape ``(2, E)``;
                a pair that is there twice counts once.
            num_users: number of users ``U``.
            num_items: number of items ``I``.
            val: pairs held out for choosing, shape ``(2, V)``.
            test: pairs held out for judging, shape ``(2, T)``.
            times: when, whole numbers, shape ``(E,)``; of a repeated pair the first counts.
            attributes: name -> codes from 1, 0 for not known, shape ``(U,)``.
            name: what the log is called.
            ids: what users and what items are called where the log comes from.

        Raises:
            UserError: for ids out of range, or held-out pairs that are training pairs too.

        >>> log = Interactions.of(torch.tensor([[0, 1], [2, 2]]), num_users=2, num_items=3)
        >>> log.edge_index.tolist(), log.pairs.tolist()
        ([[0, 1, 4, 4], [4, 4, 0, 1]], [[0, 1], [2, 2]])
        """
        held = {"training": pairs, "validation": val, "test": test}
        for what, some in held.items():
            _check_pairs(what, some, num_users, num_items)
        shift = torch.tensor([[0], [num_users]])
        one_way, kept = _first_of_each(pairs + shift, num_users + num_items)
        both = torch.cat([one_way, one_way.flip(0)], dim=1)
        order = (both[0] * (num_users + num_items) + both[1]).argsort()
        none = pairs.new_empty(2, 0)
        log = cls(x=torch.zeros(num_users + num_items, 0), edge_index=both[:, order])
        log.node_type = torch.tensor([USER, ITEM]).repeat_interleave(
            torch.tensor([num_users, num_items])
        )
        log.val_pos_edge_index = (none if val is None else val) + shift
        log.test_pos_edge_index = (none if test is None else test) + shift
        if times is not None:
            log.edge_time = times[kept].repeat(2)[order]
        for key, codes in (attributes or {}).items():
            log[ATTRIBUTE + key] = torch.cat([codes, codes.new_zeros(num_items)])
        if name is not None:
            log.name = name
        if ids is not None:
            log.node_id = _node_ids(*ids, num_users, num_items)
        _check_disjoint(log)
        return log

    @property
    def num_users(self) -> int:
        """Number of users ``U``, forgotten ones included."""
        return int((self.node_type == USER).sum())

    @property
    def num_items(self) -> int:
        """Number of items ``I``, forgotten ones included."""
        return int((self.node_type == ITEM).sum())

    @property
    def pairs(self) -> Tensor:
        """Users and items of the training pairs, each counted from 0, shape ``(2, E)``."""
        return self.from_nodes(self.train_nodes)

    @property
    def train_nodes(self) -> Tensor:
        """The nodes of the training pairs, the user's first, shape ``(2, E)``: the first half."""
        return self.edge_index[:, : self.edge_index.size(1) // 2]

    @property
    def val_pairs(self) -> Tensor:
        """Users and items held out for choosing, each counted from 0, shape ``(2, V)``."""
        return self.from_nodes(self.val_pos_edge_index)

    @property
    def test_pairs(self) -> Tensor:
        """Users and items held out for judging, each counted from 0, shape ``(2, T)``."""
        return self.from_nodes(self.test_pos_edge_index)

    @property
    def attributes(self) -> dict[str, Tensor]:
        """Attributes of users by name, codes from 1 and 0 for not known, each ``(U,)``."""
        return {
            key.removeprefix(ATTRIBUTE): value[: self.num_users]
            for key, value in self.items()
            if key.startswith(ATTRIBUTE)
        }

    @property
    def names(self) -> tuple[list[Any], list[Any]]:
        """What users and items are called; by default their numbers."""
        known = self.get("node_id")
        if known is None:
            return list(range(self.num_users)), list(range(self.num_items))
        called = known.tolist() if isinstance(known, Tensor) else known
        return called[: self.num_users], called[self.num_users :]

    def to_nodes(self, pairs: Tensor) -> Tensor:
        """Users and items, shape ``(2, K)``, as the nodes that stand for them."""
        return pairs + torch.tensor([[0], [self.num_users]], device=pairs.device)

    def from_nodes(self, nodes: Tensor) -> Tensor:
        """Pairs of nodes, the user's first, shape ``(2, K)``, as users and items."""
        return nodes - torch.tensor([[0], [self.num_users]], device=nodes.device)

    def check_named(self, kind: str, index: Sequence[Any], missing: bool) -> None:
        columns = list(zip(*index, strict=True)) if kind == "interaction" else [index]
        sides = ("user", "item") if kind == "interaction" else (kind,)
        for side, ids in zip(sides, columns, strict=True):
            there = getattr(self, LIMITS[side])
            if max(ids) >= there:
                raise UserError(
                    f"{kind} request: wanted {side}s below {there} (the number of {side}s), got "
                    f"{max(ids)}; ids count from 0"
                )
        if kind == "interaction" and not missing:
            known = self.holds(torch.tensor(index).t())
            if not bool(known.all()):
                first = list(index[int((~known).nonzero()[0])])
                raise UserError(
                    f"interaction request: {int((~known).sum())} of {len(index)} pairs are not in "
                    f"the log, the first is {first}; check the ids, or let them pass with "
                    "--missing ignore, in Python with missing=True"
                )

    def in_graph(self, kind: str, index: Tensor) -> tuple[str, Tensor]:
        if kind == "interaction":
            return "edge", self.to_nodes(index)
        return "node", index if kind == "user" else index + self.num_users

    def holds(self, pairs: Tensor) -> Tensor:
        """Which pairs are in the log, held out or not: bool, shape ``(K,)``.

        Args:
            pairs: users and items, each counted from 0, shape ``(2, K)``.
        """
        pairs = pairs.to(self.edge_index.device)
        asked = torch.zeros(self.num_users, dtype=torch.bool, device=pairs.device)
        asked[pairs[0]] = True
        parts = (self.train_nodes, self.val_pos_edge_index, self.test_pos_edge_index)
        theirs = torch.cat([part[:, asked[part[0]]] for part in parts], dim=1)
        return torch.isin(self._codes(self.to_nodes(pairs)), self._codes(theirs))

    def _codes(self, nodes: Tensor) -> Tensor:
        return pair_codes(nodes.to(self.edge_index.device), int(self.num_nodes or 0))


def _node_ids(
    users: Sequence[Any], items: Sequence[Any], num_users: int, num_items: int
) -> Tensor | list[str]:
    """Names of all nodes: numbers as a tensor, anything else as texts."""
    if (len(users), len(items)) != (num_users, num_items):
        raise UserError(
            f"ids: wanted names of {num_users} users and {num_items} items, got {len(users)} and "
            f"{len(items)}"
        )
    both = [*users, *items]
    if all(isinstance(each, Integral) for each in both):
        return torch.tensor([int(each) for each in both])
    return [str(each) for each in both]


def _check_pairs(what: str, pairs: Tensor | None, num_users: int, num_items: int) -> None:
    if pairs is None:
        return
    if pairs.dim() != 2 or pairs.size(0) != 2 or pairs.dtype != torch.int64:
        raise UserError(
            f"{what} pairs: wanted whole numbers of shape (2, K), got {pairs.dtype} of shape "
            f"{tuple(pairs.shape)}"
        )
    for side, ids, count in zip(("user", "item"), pairs, (num_users, num_items), strict=True):
        if ids.numel() and not 0 <= int(ids.min()) <= int(ids.max()) < count:
            worst = int(ids.min()) if int(ids.min()) < 0 else int(ids.max())
            raise UserError(
                f"{what} pairs: wanted {side}s from 0 to {count - 1}, got {worst}; number them "
                "from 0 without gaps"
            )


def _check_disjoint(log: Interactions) -> None:
    val, test = log.val_pos_edge_index, log.test_pos_edge_index
    trained_on = ("not trained on", log.train_nodes)
    for what, nodes, (wanted, others) in (
        ("val", val, trained_on),
        ("test", test, trained_on),
        ("test", test, ("not held out for choosing too", val)),
    ):
        both = torch.isin(log._codes(nodes), log._codes(others))
        if bool(both.any()):
            first = log.from_nodes(nodes)[:, both][:, 0].tolist()
            raise UserError(
                f"{what} pairs: wanted pairs that are {wanted}, got {first} in both; hold pairs "
                "out once"
            )


def _first_of_each(nodes: Tensor, num_nodes: int) -> tuple[Tensor, Tensor]:
    """Distinct pairs of nodes, sorted, and where each stood first."""
    codes = pair_codes(nodes, num_nodes)
    order = codes.argsort(stable=True)
    sorted_codes = codes[order]
    fresh = torch.ones_like(sorted_codes, dtype=torch.bool)
    fresh[1:] = sorted_codes[1:] != sorted_codes[:-1]
    kept = order[fresh]
    return nodes[:, kept], kept
