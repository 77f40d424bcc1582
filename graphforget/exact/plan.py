"""The plan of a shard's models: what is trained on which slices, and what dies with a deletion.

A *stage* is what is trained at once, and its *path* the slices it has seen. One rule serves the
published chains and plans of subsets: a stage dies when a hit lies within its path.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from graphforget.core.errors import UserError
from graphforget.exact.orders import spaced_rotations
from graphforget.exact.placement import Id, Placement
from graphforget.exact.subsets import every_subset

Path = tuple[int, ...]
"""The slices that a stage has seen, in the order in which it saw them."""

Hit = Collection[int]
"""The slices that only together hold what was deleted: one for a node, up to two for an edge."""


@dataclass(frozen=True)
class Plan:
    """Where items live and which stages every shard trains.

    Args:
        placement: shards, slices and the place of every id.
        paths: whole orders where stages are chained, the subsets themselves where they are not;
            between stages that have seen equally much, the earlier one is served.
        chained: whether the stage of a path stands on the frozen stages of its beginnings (S3T's
            orders) or is a model of its own (subsets, SISA).

    Raises:
        UserError: if there is no path, a path is empty, repeats a slice, names one that is not
            there, comes twice, is an unsorted subset, or does not begin with the public slice.

    >>> plan = Plan.chains(shards=1, slices=3, orders=2)
    >>> plan.paths
    ((0, 1, 2), (1, 2, 0))
    >>> plan.stages
    ((0,), (1,), (0, 1), (1, 2), (0, 1, 2), (1, 2, 0))
    >>> plan.served(hits=[{0}])
    ((1, 2),)
    >>> plan.served(hits=[{0}, {1}])
    ()
    """

    placement: Placement
    paths: tuple[Path, ...]
    chained: bool

    def __post_init__(self) -> None:
        if not self.paths:
            raise UserError("plan: wanted at least one order or subset, got none")
        for path in self.paths:
            _check_path(path, self.placement, self.chained)
        if len(set(self.paths)) < len(self.paths):
            twice = next(path for path in self.paths if self.paths.count(path) > 1)
            raise UserError(f"plan: wanted every path once, got {twice} twice; leave one out")

    @classmethod
    def chains(
        cls, shards: int, slices: int, orders: int | Iterable[Sequence[int]],
        salt: str = "graphforget", public: Iterable[Id] = (),
    ) -> Plan:
        """The published plan: stages in chains along orders of the slices.

        Args:
            shards: m.
            slices: L.
            orders: their number B, for evenly spaced rotations; or the orders themselves.
            salt: key of the placement.
            public: ids of slice 0, with which every order then begins.
        """
        placement = Placement(shards, slices, salt, tuple(public))
        if not isinstance(orders, int):
            return cls(placement, tuple(map(tuple, orders)), chained=True)
        if not placement.public:
            return cls(placement, spaced_rotations(slices, orders), chained=True)
        return cls(placement, after_public(spaced_rotations(slices - 1, orders)), chained=True)

    @classmethod
    def subsets(
        cls, shards: int, slices: int, subsets: Iterable[Collection[int]] | None = None,
        salt: str = "graphforget", public: Iterable[Id] = (),
    ) -> Plan:
        """A model of its own for every one of a family of subsets of the slices.

        Args:
            shards: m.
            slices: L.
            subsets: the family, larger ones first by habit; by default every subset.
            salt: key of the placement.
            public: ids of slice 0, which every subset then holds.

        >>> Plan.subsets(shards=2, slices=2).stages
        ((0, 1), (0,), (1,))
        """
        placement = Placement(shards, slices, salt, tuple(public))
        if subsets is not None:
            return cls(placement, tuple(tuple(sorted(one)) for one in subsets), chained=False)
        if not placement.public:
            return cls(placement, every_subset(slices), chained=False)
        lattice = (*after_public(every_subset(slices - 1)), (0,))
        return cls(placement, lattice, chained=False)

    @property
    def shards(self) -> int:
        """Number of shards, m."""
        return self.placement.shards

    @property
    def slices(self) -> int:
        """Number of slices of a shard, L."""
        return self.placement.slices

    @cached_property
    def stages(self) -> tuple[Path, ...]:
        """All stages of a shard: earlier ones of a chain before later, shared ones once."""
        if not self.chained:
            return self.paths
        longest = max(map(len, self.paths))
        beginnings = (
            path[:depth] for depth in range(1, longest + 1) for path in self.paths
            if depth <= len(path)
        )
        return tuple(dict.fromkeys(beginnings))

    def lineage(self, path: Path) -> tuple[Path, ...]:
        """The stages whose weights an answer of ``path`` takes, in order, itself last.

        >>> Plan.chains(1, 3, orders=1).lineage((0, 1))
        ((0,), (0, 1))
        """
        if path not in self._masks:
            raise UserError(f"plan: there is no stage {path}; .stages lists what there is")
        return tuple(path[: end + 1] for end in range(len(path))) if self.chained else (path,)

    def alive(self, hits: Iterable[Hit]) -> tuple[Path, ...]:
        """The stages of a shard that have seen none of what was deleted from it.

        Args:
            hits: the slices of each deletion; a stage dies if it has seen all slices of one.
        """
        struck = {self._hit_mask(hit) for hit in hits}
        return tuple(
            path for path, mask in self._masks.items()
            if not any(hit & mask == hit for hit in struck)
        )

    def served(self, hits: Iterable[Hit], several: bool = False) -> tuple[Path, ...]:
        """The stages that answer for a shard after ``hits``; none if the shard is dark.

        Args:
            hits: the slices of each deletion.
            several: every live stage that has seen as much as the most, to be averaged, instead
                of the first of them.
        """
        return deepest(self.alive(hits), several)

    def depth(self, hits: Iterable[Hit]) -> int:
        """How many slices the answer of a shard still rests on; 0 is dark.

        >>> Plan.subsets(1, 3).depth([{0}])
        2
        """
        return sum(map(len, self.served(hits)))

    def check(self, items: int) -> None:
        """Refuse a plan with more slices than there are items to put in them.

        Raises:
            UserError: with both numbers.
        """
        if self.shards * self.slices > items:
            raise UserError(
                f"plan: wanted at least one item a slice, got {items} items for {self.shards} x "
                f"{self.slices} slices; take fewer shards or slices"
            )

    @cached_property
    def _masks(self) -> dict[Path, int]:
        return {path: sum(1 << slice for slice in path) for path in self.stages}

    def _hit_mask(self, hit: Hit) -> int:
        if not hit or not all(0 <= slice < self.slices for slice in hit):
            raise UserError(
                f"hit: wanted slices from 0 to {self.slices - 1}, at least one, got {sorted(hit)}"
            )
        return sum(1 << slice for slice in set(hit))


def deepest(live: Iterable[Path], several: bool = False) -> tuple[Path, ...]:
    """The stages, of those that live, that have seen most: the first of them, or all.

    >>> deepest([(0,), (1,), (0, 1), (1, 0)]), deepest([(0,), (1,)], several=True)
    (((0, 1),), ((0,), (1,)))
    """
    paths = tuple(live)
    most = max(map(len, paths), default=0)
    found = tuple(path for path in paths if len(path) == most)
    return found if several else found[:1]


def after_public(paths: Iterable[Path]) -> tuple[Path, ...]:
    """Paths over private slices counted from 0, moved behind the public slice 0.

    >>> after_public([(0, 1), (1, 0)])
    ((0, 1, 2), (0, 2, 1))
    """
    return tuple((0, *(slice + 1 for slice in path)) for path in paths)


def _check_path(path: Path, placement: Placement, chained: bool) -> None:
    kind = "order" if chained else "subset"
    outside = [slice for slice in path if not (isinstance(slice, int) and 0 <= slice)]
    outside += [slice for slice in path if isinstance(slice, int) and slice >= placement.slices]
    if not path or outside:
        raise UserError(f"{kind}: wanted slices from 0 to {placement.slices - 1}, got {path}")
    if len(set(path)) < len(path):
        raise UserError(f"{kind}: wanted every slice at most once, got {path}")
    if not chained and tuple(sorted(path)) != tuple(path):
        raise UserError(f"subset: wanted slices in ascending order, got {path}; sort them")
    if placement.public and path[0] != 0:
        raise UserError(
            f"{kind}: wanted the public slice 0 first, got {path}; begin with it, or declare no "
            "public ids"
        )
