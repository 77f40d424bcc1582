"""Training what is missing: once a stage, again after a deletion only what died."""

from __future__ import annotations

import threading

import pytest
import torch

from graphforget.core.errors import UserError
from graphforget.exact.graph_recipe import StackedStages, WholeModel
from graphforget.exact.graph_source import GraphSource
from graphforget.exact.plan import Plan
from graphforget.exact.stage_files import StageFiles
from graphforget.exact.train_shard import stage_addresses, train_shard
from graphforget.learn import CrossEntropy
from graphforget.nn import GCN
from graphforget.request import ForgetRequest

SYSTEMS = {
    "chains": (Plan.chains(2, 3, 2), StackedStages(3, hidden=8, rank=2, epochs=2)),
    "subsets": (
        Plan.subsets(2, 3),
        WholeModel(3, learner=CrossEntropy(encoder=GCN(hidden=8), epochs=2, snapshots=())),
    ),
}


class System:
    def __init__(self, folder, data, name):
        self.plan, self.recipe = SYSTEMS[name]
        self.source = GraphSource.write(folder / "source", data, self.plan)
        self.files = StageFiles(folder / "stages")
        self.told: list = []

    def train(self, shard=1, told=None):
        self.told = []
        return train_shard(
            self.plan, self.recipe, self.source, self.files, shard, 0, told or self.told.append
        )


@pytest.fixture(params=SYSTEMS)
def system(request, tmp_path, tiny_graph) -> System:
    return System(tmp_path, tiny_graph, request.param)


def test_every_stage_is_trained_once(system):
    addresses = system.train()
    assert tuple(addresses) == system.plan.stages == tuple(system.told)
    assert len(set(addresses.values())) == len(addresses)
    assert system.train() == addresses and system.told == []


def test_repair_trains_exactly_the_dead(system):
    before = system.train()
    node = int(system.source.rows(1, (1,)).n_id[0])
    request = ForgetRequest("node", (node,))
    alive = system.plan.alive(system.source.hits(request)[1])
    system.source.forget(request)
    after = system.train()
    assert set(system.told) == set(system.plan.stages) - set(alive)
    assert {path for path in before if before[path] == after[path]} == set(alive)
    assert system.train(shard=0) and len(system.told) == len(system.plan.stages)


def test_killed_and_called_again_it_goes_on(system):
    class Killed(BaseException):
        pass

    def dies(path):
        if path == system.plan.stages[2]:
            raise Killed

    with pytest.raises(Killed):
        system.train(told=dies)
    assert len(system.files.addresses(1)) == 3
    system.train()
    assert tuple(system.told) == system.plan.stages[3:]


def test_a_damaged_parent_is_told(tmp_path, tiny_graph):
    system = System(tmp_path, tiny_graph, "chains")
    addresses = system.train()
    first, second = (0,), (0, 1)
    system.files.path(1, addresses[first]).write_bytes(b"torn")
    system.files.destroy(1, addresses[second])
    with pytest.raises(UserError, match="shard 1, stage"):
        system.train()
    system.files.destroy(1, addresses[first])
    assert system.train() == addresses


def test_addresses_need_no_training(system):
    shard = stage_addresses(
        system.plan, system.recipe, system.source, system.files, 1, 0
    )
    assert shard == system.train()


def test_threads_at_once_give_the_same_bits(system):
    """Dropout draws from the process's generator; trainings take turns, answers do not disturb."""
    expected = {shard: system.train(shard) for shard in (0, 1)}
    states = {
        (shard, address): system.files.load(shard, address)
        for shard, addresses in expected.items() for address in addresses.values()
    }
    again = StageFiles(system.files.folder.parent / "again")
    threads = [
        threading.Thread(target=train_shard, args=(
            system.plan, system.recipe, system.source, again, shard, 0))
        for shard in (0, 1)
    ]
    whole = system.source.whole()
    longest = system.plan.served([])[0]
    lineage = [states[1, expected[1][path]] for path in system.plan.lineage(longest)]
    answer = system.recipe.respond(whole, lineage)
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert torch.equal(system.recipe.respond(whole, lineage), answer)
    for (shard, address), state in states.items():
        loaded = again.load(shard, address)
        assert all(torch.equal(loaded[name], state[name]) for name in state)
