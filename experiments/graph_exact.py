"""Exact forgetting on graphs: chains and plans of subsets after 0 to 32 deletions.

Beside S3T's chains stand SISA, with one order of whole models, shards without slices, and a
single model. All are placed, deleted from and asked in the same way; only plan and recipe differ.
"""

from __future__ import annotations

from dataclasses import replace

from experiments.benchmark import Benchmark
from experiments.exact_run import DELETIONS, ExactGrid
from graphforget.exact.graph_recipe import GraphRecipe, LoneStages, StackedStages, WholeModel
from graphforget.exact.plan import Plan
from graphforget.exact.subsets import chosen_subsets, leave_out
from graphforget.learn import CrossEntropy
from graphforget.nn import GCN

System = tuple[Plan, GraphRecipe]

SHARDS, SLICES = 4, 4
EPOCHS = 100
ANY = 2
"""Number of classes in recipes; a run puts the graph's in its place."""

STACKED = StackedStages(ANY, epochs=EPOCHS)
LONE = LoneStages(ANY, epochs=EPOCHS)
GCN_MODEL = WholeModel(
    ANY, learner=CrossEntropy(GCN(hidden=64, dropout=0.5), epochs=EPOCHS, snapshots=())
)


def beginnings(slices: int) -> tuple[tuple[int, ...], ...]:
    """The subsets that SISA keeps a model of: the first k slices, for each k."""
    return tuple(tuple(range(end)) for end in range(slices, 0, -1))


def _chains(orders: int, slices: int = SLICES) -> Plan:
    return Plan.chains(SHARDS, slices, orders)


def _subsets(family: tuple[tuple[int, ...], ...] | None, slices: int = SLICES) -> Plan:
    return Plan.subsets(SHARDS, slices, family)


MAIN: dict[str, System] = {
    "one model": (Plan.subsets(1, 1), GCN_MODEL),
    "one model, our block": (Plan.subsets(1, 1), LONE),
    "shards only": (_subsets(None, 1), GCN_MODEL),
    "shards only, our block": (_subsets(None, 1), LONE),
    "SISA": (_subsets(beginnings(SLICES)), GCN_MODEL),
    "SISA, our block": (_subsets(beginnings(SLICES)), LONE),
    **{f"chains, B={orders}": (_chains(orders), STACKED) for orders in (1, 2, 4)},
    "all subsets": (_subsets(None), GCN_MODEL),
    "all subsets, our block": (_subsets(None), LONE),
}

DESIGNS: dict[str, System] = {
    "published: one input map": (_chains(4), replace(STACKED, input_rank=0, dropout=0.0)),
    "own input maps": (_chains(4), replace(STACKED, dropout=0.0)),
    "own input maps of rank 32": (_chains(4), replace(STACKED, input_rank=32)),
    "additive logits": (_chains(4), replace(STACKED, additive=True)),
    "four blocks": (_chains(4), replace(STACKED, blocks=4)),
    "half as long": (_chains(4), replace(STACKED, epochs=EPOCHS // 2)),
    "twice as long": (_chains(4), replace(STACKED, epochs=2 * EPOCHS)),
}

EQUAL_COST: dict[str, System] = {
    "L=8: chains, B=2": (_chains(2, 8), STACKED),
    "L=8: subsets of cost 9": (_subsets(chosen_subsets(8, 9), 8), LONE),
    "L=8: chains, B=4": (_chains(4, 8), STACKED),
    "L=8: subsets of cost 18": (_subsets(chosen_subsets(8, 18), 8), LONE),
    "L=4: all but two at most": (_subsets(leave_out(4, 2)), LONE),
}


def public_first(nodes: int) -> dict[str, System]:
    """Plans whose first slice holds public nodes; a quarter of them, as an even cut would."""
    public = range(0, nodes, 4)
    return {
        "chains, B=3, public slice": (Plan.chains(SHARDS, SLICES, 3, public=public), STACKED),
        "all subsets, public slice": (Plan.subsets(SHARDS, SLICES, public=public), LONE),
    }


NODES = {"cora": 2708, "pubmed": 19717, "photo": 7650}
REPAIRED = {"chains, B=1": DELETIONS[1:], "all subsets, our block": DELETIONS[1:]}
SEEDS = (0, 1, 2)



def grids(dataset: str) -> tuple[ExactGrid, ...]:
    """All systems on one graph."""
    return (
        ExactGrid((dataset,), MAIN, seeds=SEEDS, repairs=REPAIRED),
        ExactGrid((dataset,), DESIGNS | EQUAL_COST | public_first(NODES[dataset]), seeds=SEEDS),
    )


MAIN_ONCE = (ExactGrid(tuple(NODES), MAIN, seeds=SEEDS[:1], repairs=REPAIRED),)
CORA = grids("cora")
FULL = tuple(grid for name in NODES for grid in grids(name))

_BRIEF = CrossEntropy(GCN(hidden=16), epochs=10, snapshots=())
_QUICK = replace(STACKED, hidden=16, rank=4, epochs=10)
SMOKE = (
    ExactGrid(
        ("digits",),
        {
            "SISA": (Plan.subsets(2, 2, beginnings(2)), WholeModel(ANY, learner=_BRIEF)),
            "chains, B=1": (Plan.chains(2, 2, 1), _QUICK),
            "chains, B=2": (Plan.chains(2, 2, 2), _QUICK),
            "all subsets": (Plan.subsets(2, 2), LoneStages(ANY, hidden=16, rank=4, epochs=10)),
        },
        deletions=(0, 1, 4),
        streams=1,
        repairs={"chains, B=1": (4,)},
    ),
)

BENCHMARK = Benchmark(
    name="graph_exact",
    about="exact forgetting: accuracy and data kept after 0 to 32 deletions, with and without "
    "repair",
    sizes={"smoke": SMOKE, "main": MAIN_ONCE, "cora": CORA, "full": FULL},
)
