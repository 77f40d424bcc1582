"""Cells take the form of their field, whatever type the file gave them."""

from __future__ import annotations

import pyarrow as pa
import pytest

from graphforget.core.errors import UserError
from recsys.table import Label
from recsys.table.cells import Cells, clicks, lists, numbers, texts


def cells(values, kind=None) -> Cells:
    return Cells(pa.array(values, kind), "f.csv: column 'c'", 10)


def test_the_same_value_is_the_same_text_in_every_type():
    for given in (
        cells(["7", None]), cells([7, None]), cells([7.0, None]),
        cells([7, None], pa.int8()), Cells(pa.array(["7", None]).dictionary_encode(), "", 0),
    ):  # fmt: skip
        assert texts(given).to_pylist() == ["7", None]
    assert texts(cells([True, False])).to_pylist() == ["true", "false"]
    assert texts(cells([0.5, 1.0])).to_pylist() == ["0.5", "1"]


def test_numbers_and_what_is_none():
    values, missing = numbers(cells(["1", None, "-2.5e3"]))
    assert values.tolist() == [1.0, 0.0, -2500.0]
    assert missing.tolist() == [False, True, False]
    for odd, said in ((["1", "x1"], "'x1'"), ([1.0, float("nan")], "nan"), (["1", "inf"], "inf")):
        with pytest.raises(UserError, match=f"f.csv: column 'c' must be .* row 12 .*{said}"):
            numbers(cells(odd))


def test_lists_come_from_texts_and_from_lists():
    assert lists(cells(["a b", " b", None, ""]), " ").to_pylist() == [["a", "b"], ["b"], None, []]
    given = cells([["a", None, "b"], None, []])
    assert lists(given, "|").to_pylist() == [["a", "b"], None, []]
    assert lists(cells([[1, 2], [3]]), "|").to_pylist() == [["1", "2"], ["3"]]
    sliced = Cells(pa.array(["x", "a|b", "c"])[1:], "", 0)
    assert lists(sliced, "|").to_pylist() == [["a", "b"], ["c"]]


def test_labels_are_0_and_1_or_above_a_number():
    for given in (["0", "1"], [0.0, 1.0], [False, True], ["0.0", "1"]):
        assert clicks(cells(given), Label()).tolist() == [0, 1]
    assert clicks(cells(["3", "4"]), Label(above=3)).tolist() == [0, 1]
    for odd in (["0", "2"], ["1", None], ["0", "yes"], [0.0, float("nan")], ["0", "-1"]):
        with pytest.raises(UserError, match="f.csv: column 'c' must be 0 or 1.* row 12 (has|is)"):
            clicks(cells(odd), Label())


def test_structs_are_no_values():
    with pytest.raises(UserError, match="struct"):
        texts(cells([{"a": 1}]))
