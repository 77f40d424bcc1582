"""The promises that every selector keeps; a new one joins by being exported."""

from __future__ import annotations

import inspect
import pickle
from dataclasses import is_dataclass, replace

import numpy as np
import pytest
import torch

from graphforget.core.config import from_config, to_config
from graphforget.core.errors import UserError
from recsys import select
from recsys.models import DeepFM
from recsys.select.base import Selection, Selector
from recsys.table import ClickTable, Kind, Part, Planted, planted_table

METHODS: list[Selector] = [
    cls()
    for cls in (getattr(select, exported) for exported in select.__all__)
    if isinstance(cls, type) and issubclass(cls, Selector) and not inspect.isabstract(cls)
]
BLIND = {"RandomOrder", "AllFields"}
"""Those that look at nothing."""
CANNOT = BLIND | {"AdaFS", "AdaFSHard", "MvFS"}
"""Those that do not tell a relevant field from noise, not even on an easy table: the soft gates
weigh fields row by row, and weights of fields whose vectors differ in length do not compare."""


def name(method: Selector) -> str:
    return type(method).__name__


@pytest.fixture(scope="session")
def tiny() -> Planted:
    return planted_table(400, relevant=2, redundant=0, irrelevant=1, seed=1)


@pytest.fixture(scope="session")
def memory() -> dict:
    return {}


@pytest.fixture(params=METHODS, ids=name)
def method(request) -> Selector:
    return request.param


def short(method: Selector) -> Selector:
    """The same method with little training, where it trains, for promises that need no more."""
    training = getattr(method, "training", None)
    if training is None:
        return method
    return replace(method, training=replace(training, epochs=2, batch_size=64, learning_rate=0.02))


def numpy_state() -> tuple[bytes, int]:
    """The key of numpy's own generator and the place in it: most draws move the place alone."""
    _, key, place, *_ = np.random.get_state()
    return key.tobytes(), place


@pytest.fixture
def found(method, tiny, memory) -> Selection:
    """Computed once for each method."""
    if method not in memory:
        before = tiny.table.digest, torch.random.get_rng_state(), numpy_state()
        memory[method] = short(method).select(tiny.table, DeepFM(), seed=3)
        assert torch.equal(before[1], torch.random.get_rng_state()), "torch's state was moved"
        assert before[2] == numpy_state(), "numpy's state was moved"
        assert replace(tiny.table).digest == before[0], "the table was changed"
    return memory[method]


def poisoned(table: ClickTable, part: Part, seed: int = 0) -> ClickTable:
    """The table with ids and labels of a part drawn anew."""
    draw, rows = np.random.default_rng(seed), table.rows(part)
    columns = [column.copy() for column in table.columns]
    for field, column in zip(table.fields, columns, strict=True):
        column[rows] = draw.integers(field.size, size=column[rows].shape)
    label = table.label.copy()
    label[rows] = 1 - label[rows]
    return replace(table, columns=tuple(columns), label=label)


def same(first: Selection, second: Selection) -> bool:
    return first.fields == second.fields and np.array_equal(first.scores, second.scores)


def test_every_field_has_a_finite_score(found, tiny):
    assert found.fields == tuple(field.name for field in tiny.table.fields)
    assert found.scores.shape == (3,) and np.isfinite(found.scores).all()
    assert sorted(found.ranking) == sorted(found.fields)
    assert found.seconds > 0


def test_the_same_seed_gives_the_same_selection_whatever_the_test_rows_hold(method, found, tiny):
    table = poisoned(tiny.table, Part.TEST)
    assert same(short(method).select(table, DeepFM(), seed=3), found)


def test_the_rows_that_may_be_read_are_read(method, found, tiny):
    """The poison works: in the training rows it changes the scores of all that look at them.

    Scores that are places may come out the same by chance: several poisons are tried.
    """
    tables = (poisoned(tiny.table, Part.TRAIN, seed) for seed in range(6))
    noticed = any(not same(short(method).select(t, DeepFM(), seed=3), found) for t in tables)
    assert noticed == (name(method) not in BLIND)


def finds(method: Selector, tables: int = 3) -> int:
    """On how many easy tables the planted fields come first, trained as fits a small one."""
    if hasattr(method, "training"):
        settings = {"batch_size": 128, "learning_rate": 0.01, "epochs": 8}
        method = replace(method, training=replace(method.training, **settings))
    found = 0
    for seed in range(tables):
        planted = planted_table(2500, relevant=2, redundant=0, irrelevant=2, seed=seed)
        ranking = method.select(planted.table, DeepFM(), seed=seed).ranking
        found += set(ranking[:2]) == set(planted.relevant)
    return found


def those(can: bool) -> list[Selector]:
    return [method for method in METHODS if (name(method) not in CANNOT) == can]


@pytest.mark.slow
@pytest.mark.parametrize("able", those(can=True), ids=name)
def test_relevant_fields_come_before_noise_where_the_method_can(able):
    """On two of three tables: gates in particular may take one field too many for another."""
    assert finds(able) >= 2


@pytest.mark.slow
@pytest.mark.parametrize("unable", those(can=False), ids=name)
def test_those_that_cannot_are_told_truly(unable):
    assert not unable.ranks or name(unable) in BLIND
    assert finds(unable) < 2


def test_fields_of_several_values_and_of_one_value_are_scored(method):
    draw = np.random.default_rng(0)
    table = ClickTable.from_arrays(
        "odd",
        {
            "tags": draw.integers(4, size=(150, 3)),
            "same": np.ones(150, dtype=int),
            "number": draw.integers(6, size=150),
        },
        label=draw.integers(2, size=150),
        part=np.repeat([Part.TRAIN, Part.VAL, Part.TEST], 50),
        kinds={"number": Kind.NUMERICAL},
    )
    found = short(method).select(table, DeepFM(), seed=0)
    assert found.fields == ("tags", "same", "number") and np.isfinite(found.scores).all()


def test_it_is_its_configuration(method):
    assert is_dataclass(method) and type(method).__dataclass_params__.frozen
    assert method == type(method)() and hash(method) == hash(replace(method))
    assert pickle.loads(pickle.dumps(method)) == method
    assert from_config(to_config(method)) == method
    assert method.paper and method.family in select.Family


def test_it_travels_as_json(found):
    back = Selection.from_json(found.to_json())
    assert same(back, found) and back.ranking == found.ranking and back.seconds == found.seconds


def test_a_part_without_rows_or_with_one_label_is_an_error_of_the_user(method, tiny):
    part = tiny.table.part.copy()
    part[part == Part.VAL] = Part.TRAIN
    with pytest.raises(UserError, match="wanted VAL rows of both labels .* got no row"):
        method.select(replace(tiny.table, part=part), DeepFM(), seed=0)
    label = np.ones_like(tiny.table.label)
    with pytest.raises(UserError, match="TRAIN rows .* got only label 1"):
        method.select(replace(tiny.table, label=label), DeepFM(), seed=0)
