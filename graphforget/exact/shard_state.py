"""What is alive in one shard: the stages it adopted last, less those that deletions hit since."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from graphforget.exact.case import hits_from_json, hits_to_json
from graphforget.exact.plan import Path as StagePath
from graphforget.exact.plan import Plan
from graphforget.exact.source import Hit, Hits

Told = dict[str, Mapping[int, Hits]]
"""The deletions that a host knows of: request id -> hits of its own shards."""

UNTRAINED = "has no trained stages, or what its host knew of them is lost"


@dataclass(frozen=True)
class ShardState:
    """The stages of a shard and what has hit them; a pure value, replaced as a whole.

    Args:
        stages: path of a stage -> address of its file, as adopted last.
        round: of the training that made them; later ones have higher numbers.
        hits: the deletions that these stages were not trained without, each by its request id.
        broken: why the shard is not served at all, if it is not.
    """

    stages: Mapping[StagePath, str] = field(default_factory=dict)
    round: int = -1
    hits: tuple[tuple[str, Hit], ...] = ()
    broken: str | None = None

    @property
    def open_hits(self) -> Hits:
        """The hits that the stages have to be judged by."""
        return frozenset(hit for _, hit in self.hits)

    def hit(self, request_id: str, hits: Iterable[Hit]) -> ShardState:
        """After a deletion.

        >>> ShardState().hit("req-1", [frozenset({1})]).open_hits
        frozenset({frozenset({1})})
        """
        new = tuple((request_id, hit) for hit in sorted(hits, key=sorted))
        return replace(self, hits=self.hits + new)

    def adopt(
        self, stages: Mapping[StagePath, str], without: Collection[str], round: int
    ) -> ShardState | None:
        """With newly trained stages; None if the shard has stages of a later round.

        The hits of deletions that the training did not know of stay, and are judged again.

        >>> state = ShardState().hit("req-1", [frozenset({1})]).hit("req-2", [frozenset({0})])
        >>> state.adopt({(0, 1): "new"}, without={"req-1"}, round=1).hits
        (('req-2', frozenset({0})),)
        >>> ShardState(round=2).adopt({}, without=(), round=1) is None
        True
        """
        if round < self.round:
            return None
        later = tuple((name, hit) for name, hit in self.hits if name not in without)
        return ShardState(dict(stages), round, later)

    def alive(self, plan: Plan) -> dict[StagePath, str]:
        """The live stages and the addresses of their files."""
        alive = set(plan.alive(self.open_hits))
        return {path: address for path, address in self.stages.items() if path in alive}

    def served(self, plan: Plan, several: bool = False) -> tuple[StagePath, ...]:
        """The stages that answer; none where the shard is dark or broken."""
        if self.broken is not None:
            return ()
        return plan.served(self.open_hits, several)

    def needs_repair(self, plan: Plan) -> bool:
        """Whether a stage is dead, or the shard cannot be served as it is."""
        return self.broken is not None or len(self.alive(plan)) < len(plan.stages)

    def told(self, plan: Plan) -> dict[str, Any]:
        """The state in numbers, for people."""
        return {
            "depth": 0 if self.broken else plan.depth(self.open_hits),
            "served": [list(path) for path in self.served(plan)],
            "alive": len(self.alive(plan)),
            "stages": len(plan.stages),
            "needs_repair": self.needs_repair(plan),
            "broken": self.broken,
        }


def deleted_line(request_id: str, hits: Mapping[int, Iterable[Any]]) -> dict[str, Any]:
    """How a log tells of a deletion."""
    return {"delete": request_id, "hits": hits_to_json(hits)}


def adopted_line(
    shard: int, stages: Mapping[StagePath, str], without: Collection[str], round: int
) -> dict[str, Any]:
    """How a log tells of newly trained stages."""
    pairs = [[list(path), address] for path, address in stages.items()]
    return {"adopt": shard, "stages": pairs, "without": sorted(without), "round": round}


def replayed(
    lines: Iterable[Any], shards: Iterable[int]
) -> tuple[dict[int, ShardState], Told]:
    """What is alive in each shard after all that a log tells, and the deletions it tells of.

    >>> lines = [adopted_line(0, {(1,): "a1"}, [], 0), deleted_line("req-1", {0: [[1]]})]
    >>> states, told = replayed(lines, [0])
    >>> states[0].open_hits, sorted(told)
    (frozenset({frozenset({1})}), ['req-1'])
    """
    states = {shard: ShardState(broken=UNTRAINED) for shard in shards}
    told: Told = {}
    for line in lines:
        if "delete" in line:
            told[line["delete"]] = hits_from_json(line["hits"])
            for shard, hits in told[line["delete"]].items():
                states[shard] = states[shard].hit(line["delete"], hits)
        else:
            stages = {tuple(path): address for path, address in line["stages"]}
            before = states[line["adopt"]]
            after = before.adopt(stages, frozenset(line["without"]), line["round"])
            states[line["adopt"]] = after or before
    return states, told


def shortest(states: Mapping[int, ShardState], told: Told) -> list[dict[str, Any]]:
    """The fewest lines that tell the same: all deletions, then the stages of every shard.

    >>> gone, still = frozenset({frozenset({1})}), frozenset({frozenset({0})})
    >>> told = {"req-1": {0: gone}, "req-2": {0: still}}
    >>> states = {0: ShardState({(1,): "a1"}, round=3).hit("req-2", still)}
    >>> replayed(shortest(states, told), [0]) == (states, told)
    True
    """
    lines = [deleted_line(name, hits) for name, hits in told.items()]
    for shard, state in states.items():
        if state.stages:
            hit = {name for name, _ in state.hits}
            lines.append(adopted_line(shard, state.stages, told.keys() - hit, state.round))
    return lines
