"""Every cell is trained once, nothing is chosen on test rows, and what fails is a record."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from graphforget.core.errors import Refused, UserError
from graphforget.core.pool import RayPool
from graphforget.core.record import Record, read_records
from recsys.board import run
from recsys.board.retrain import Cell
from recsys.board.run import aukc_draws, run_trials
from recsys.board.store import CELLS, Store
from recsys.board.trial import Trial, trials
from recsys.models import FiBiNET
from recsys.select import AllFields, RandomOrder
from recsys.table import Part
from tests.recsys.board.conftest import QUICK, SMALL, Broken, Order, ask, carried_out

UP, DOWN = Order(descending=True), Order(descending=False)


@pytest.fixture
def trained(monkeypatch):
    """The cells that are trained from here on."""
    cells, real = [], run.retrained

    def counted(cell, *rest):
        cells.append(cell)
        return real(cell, *rest)

    monkeypatch.setattr(run, "retrained", counted)
    return cells


def came(records):
    """What came of trials, but for the clock."""
    return [{name: value for name, value in record.metrics.items() if "seconds" not in name}
            for record in records]


def test_a_set_of_fields_is_one_cell_in_whatever_order(small_table):
    names = [field.name for field in small_table.fields]
    one, other = (Cell.of(small_table, order, SMALL, QUICK, 0) for order in (names, names[::-1]))
    assert one == other and list(one.fields) == names
    with pytest.raises(UserError, match="has no field 'nothing'"):
        Cell.of(small_table, ["nothing"], SMALL, QUICK, 0)


def test_shared_prefixes_and_all_fields_are_trained_once(small_table, trained):
    copy = ask(UP, "the same ranking")
    carried_out([ask(UP), ask(DOWN), copy, ask(AllFields())], small_table)
    sets = [frozenset(cell.fields) for cell in trained]
    assert len(sets) == len(set(sets)) == 5  # two of one field, two of two, all four once
    trained.clear()
    carried_out([ask(UP), ask(UP, seed=1)], small_table)
    assert len(trained) == 6  # another seed is another training


def test_a_curve_is_what_its_cells_scored(small_table):
    store = Store()
    question = ask(UP)
    (record,) = carried_out([question], small_table, store)
    trial = Trial(record)
    assert trial.ranking == tuple(sorted((f.name for f in small_table.fields), reverse=True))
    for k in question.grid:
        cell = Cell.of(small_table, trial.ranking[:k], SMALL, QUICK, 0)
        found = store.cell(cell, question.bootstrap, small_table.digest)
        assert record.metrics[f"auc/{k}"] == found.auc
        assert record.metrics[f"val_auc/{k}"] == found.val_auc
    assert record.metrics["aukc"] == trial.curve.aukc
    best = trial.grid[int(np.argmax(trial.curve.val_auc))]
    assert record.metrics["best_k"] == best
    assert record.metrics["best_auc"] == record.metrics[f"auc/{best}"]
    assert record.metrics["gain"] == record.metrics["best_auc"] - record.metrics["all_auc"]
    low, high = (record.metrics[f"aukc_{end}"] for end in ("low", "high"))
    assert low <= record.metrics["aukc"] <= high
    assert len(aukc_draws(question, small_table, store)) == question.bootstrap.draws


def test_the_prefix_of_all_fields_gains_nothing(small_table):
    (record,) = carried_out([ask(UP, grid=(4,))], small_table)
    assert record.metrics["gain"] == record.metrics["gain_low"] == record.metrics["gain_high"] == 0


def test_test_rows_decide_nothing(small_table):
    label = np.array(small_table.label)
    test = small_table.rows(Part.TEST)
    label[test] = 1 - label[test]
    poisoned = replace(small_table, label=label)
    (clean,), (other,) = (carried_out([ask(UP)], table) for table in (small_table, poisoned))
    chosen = ("best_k", "val_auc/1", "val_auc/2", "val_auc/4", "rank/relevant_0")
    assert [clean.metrics[name] for name in chosen] == [other.metrics[name] for name in chosen]
    assert clean.metrics["auc/4"] == pytest.approx(1 - other.metrics["auc/4"])


def test_soft_gates_and_all_fields_are_not_retrained(small_table, trained):
    (record,) = carried_out([ask(AllFields())], small_table)
    assert [len(cell.fields) for cell in trained] == [4]
    assert record.metrics["end_auc"] == record.metrics["all_auc"]
    assert Trial(record).curve is None and Trial(record).ranking == ()


def test_without_a_grid_nothing_is_trained(small_table, trained):
    (record,) = carried_out([ask(UP, grid=())], small_table)
    assert trained == [] and Trial(record).ranking and "aukc" not in record.metrics


def test_a_grid_beyond_the_table_is_refused_before_any_work(small_table, trained):
    with pytest.raises(UserError, match="the table has 4 fields, got k = 5"):
        carried_out([ask(UP), ask(UP, grid=(5,))], small_table)
    assert trained == []


def test_a_network_that_takes_no_single_field_is_told_before_any_work(small_table, trained):
    pairs = replace(ask(UP), backbone=FiBiNET())
    with pytest.raises(UserError, match="k = 1: FiBiNET: wanted at least 2 fields"):
        carried_out([ask(UP), pairs], small_table)
    assert trained == []
    replace(pairs, grid=(2, 4)).check(4)
    replace(pairs, grid=()).check(4)


def test_a_refusal_stays_one_when_it_is_kept(small_table, tmp_path, monkeypatch):
    monkeypatch.setattr(run, "retrained", lambda *_: (_ for _ in ()).throw(Refused("not this one")))
    (record,) = carried_out([ask(UP)], small_table, Store(tmp_path))
    assert record.status == "refused"
    assert {one.status for one in read_records(tmp_path / CELLS)} == {"ok", "refused"}


def test_a_failure_is_a_record_and_the_others_go_on(small_table, monkeypatch):
    real = run.retrained

    def picky(cell, *rest):
        if len(cell.fields) == 1:
            raise UserError("this backbone needs two fields")
        return real(cell, *rest)

    monkeypatch.setattr(run, "retrained", picky)
    records = carried_out([ask(Broken()), ask(UP), ask(UP, "from two", grid=(2, 4))], small_table)
    assert [record.status for record in records] == ["failed", "failed", "ok"]
    assert "the search broke" in records[0].error
    assert records[1].error == "1 fields: UserError: this backbone needs two fields"
    assert [trial.title for trial in trials(records)] == ["from two"]


def test_the_same_call_goes_on_where_it_stopped(small_table, tmp_path, trained):
    questions = [ask(UP), ask(DOWN), ask(AllFields())]
    first = carried_out(questions[:1], small_table, Store(tmp_path))
    assert len(trained) == 3
    whole = carried_out(questions, small_table, Store(tmp_path))
    assert len(trained) == 5  # all fields were known
    again = carried_out(questions, small_table, Store(tmp_path))
    assert len(trained) == 5
    assert came(whole) == came(again) == came(carried_out(questions, small_table))
    assert came(first) == came(whole[:1])
    kinds = [record.benchmark for record in read_records(tmp_path / CELLS)]
    assert kinds.count("search") == 3 and kinds.count("cell") == 5
    for record in whole:
        assert came([Record.from_line(record.to_line())]) == came([record])


def test_what_failed_is_tried_again(small_table, tmp_path, monkeypatch):
    with monkeypatch.context() as broken:
        broken.setattr(run, "retrained", lambda *_: 1 / 0)
        (record,) = carried_out([ask(UP)], small_table, Store(tmp_path))
        assert record.status == "failed" and "ZeroDivisionError" in record.error
    (record,) = carried_out([ask(UP)], small_table, Store(tmp_path))
    assert record.status == "ok"


def test_another_table_shares_nothing(small_table, tmp_path, trained):
    carried_out([ask(UP)], small_table, Store(tmp_path))
    label = np.array(small_table.label)
    label[0] = 1 - label[0]
    carried_out([ask(UP)], replace(small_table, label=label), Store(tmp_path))
    assert len(trained) == 6


@pytest.mark.slow
@pytest.mark.ray
def test_ray_finds_the_same(small_table):
    questions = [ask(UP), ask(RandomOrder())]
    with RayPool(num_cpus=1) as pool:
        there = run_trials(questions, small_table, pool, Store(), quiet=True)
    here = carried_out(questions, small_table)
    assert came(there) == came(here)
