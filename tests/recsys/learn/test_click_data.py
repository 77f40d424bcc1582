"""Batches: every row once, in an order that the seed decides, from wherever they lie."""

from __future__ import annotations

import pytest
import torch

from graphforget.core.errors import UserError
from recsys.learn import ClickDataModule
from recsys.learn.click_data import Batches, ClickRows
from recsys.table import ClickTable, Part


def numbered(rows=50, **changes):
    """A table whose one id is the number of the row; the label is its parity."""
    ids = torch.arange(rows).numpy()
    part = [Part.TRAIN] * (rows - 10) + [Part.VAL] * 6 + [Part.TEST] * 4
    return ClickTable.from_arrays("numbered", {"row": ids, **changes}, ids % 2, part)


def seen(batches):
    return torch.cat([ids[:, 0] for ids, _ in batches]).tolist()


def test_an_epoch_has_every_training_row_once_and_no_other():
    batches = ClickDataModule(numbered(), batch_size=7, seed=0).train_dataloader()
    first, second = seen(batches), seen(batches)
    assert sorted(first) == sorted(second) == list(range(40))
    assert first != second and first != sorted(first)
    assert [len(label) for _, label in batches] == [7, 7, 7, 7, 7, 5]
    assert len(batches) == 6


def test_labels_stay_with_their_rows():
    for ids, label in ClickDataModule(numbered(), batch_size=16, seed=0).train_dataloader():
        assert ids.dtype == torch.int64 and label.dtype == torch.float32
        assert torch.equal(ids[:, 0] % 2, label.long())


def test_the_seed_decides_the_order():
    def order(seed):
        return seen(ClickDataModule(numbered(), batch_size=7, seed=seed).train_dataloader())

    assert order(3) == order(3) != order(4)


def test_validation_and_test_rows_come_in_order():
    data = ClickDataModule(numbered(), answer_batch=4)
    assert seen(data.val_dataloader()) == list(range(40, 46))
    assert seen(data.test_dataloader()) == seen(data.predict_dataloader()) == list(range(46, 50))


def test_a_last_batch_of_one_row_joins_the_one_before():
    rows = ClickRows(numbered(), torch.arange(9).numpy())
    assert [len(label) for _, label in Batches(rows, 4)] == [4, 5]
    assert [len(label) for _, label in Batches(rows, 8)] == [9]
    assert [len(label) for _, label in Batches(ClickRows(numbered(), rows.rows[:1]), 8)] == [1]


@pytest.mark.parametrize("seed", [None, 0])
def test_processes_share_the_rows(seed):
    rows = ClickRows(numbered(), torch.arange(11).numpy())
    shares = [seen(Batches(rows, 2, seed, (process, 3))) for process in range(3)]
    if seed is None:
        assert sorted(sum(shares, [])) == list(range(11))
    else:  # all take equally many steps: two rows of eleven sit this epoch out
        assert [len(share) for share in shares] == [3, 3, 3]
        assert len(set(sum(shares, []))) == 9
    assert all(
        len(Batches(rows, 2, seed, (process, 3))) == len(list(Batches(rows, 2, seed, (process, 3))))
        for process in range(3)
    )


def test_rows_come_from_the_table_where_memory_is_short():
    table = numbered(other=[[1, 0], [2, 3]] * 25)
    memory, table_only = (
        list(ClickDataModule(table, 7, seed=1, in_memory=size).train_dataloader())
        for size in (1 << 20, 0)
    )
    for (ids, label), (same_ids, same_label) in zip(memory, table_only, strict=True):
        assert ids.shape == (len(label), 3)
        assert torch.equal(ids, same_ids) and torch.equal(label, same_label)


def test_an_id_that_its_field_does_not_have_is_found():
    table = numbered()
    table.columns[0].flags.writeable = True
    table.columns[0][45] = 200
    with pytest.raises(UserError, match="field 'row': wanted ids from 0 to 49, got 200"):
        ClickDataModule(table).val_dataloader()
    with pytest.raises(UserError, match="got 200"):
        list(ClickDataModule(table, in_memory=0).val_dataloader())


def test_a_table_without_training_rows_is_refused():
    table = ClickTable.from_arrays("none", {"row": [0, 1]}, [0, 1], [Part.VAL, Part.TEST])
    with pytest.raises(UserError, match="table 'none': wanted training rows"):
        ClickDataModule(table)
