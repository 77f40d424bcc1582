from __future__ import annotations

import json

import numpy as np
import pytest

from graphforget.core.errors import UserError
from recsys.select.base import Selection


def selection(*scores: float) -> Selection:
    return Selection(tuple("abcdefgh"[: len(scores)]), np.array(scores))


def test_the_ranking_is_descending_and_ties_keep_the_order_of_the_table():
    assert selection(0.0, 2.0, 0.0, 3.0, 2.0).ranking == ("d", "b", "e", "a", "c")
    assert selection(-1.0, -2.0).ranking == ("a", "b")


def test_what_is_kept_is_in_the_order_of_the_table_whatever_the_ranking():
    assert selection(1.0, 3.0, 2.0).kept(2) == selection(1.0, 2.0, 3.0).kept(2) == ("b", "c")
    for k in (0, 4):
        with pytest.raises(UserError, match="k must be in 1..3"):
            selection(1.0, 3.0, 2.0).kept(k)


def test_scores_are_one_finite_number_a_field_and_stay_as_they_were_given():
    given = np.array([1.0, 2.0])
    found = Selection(("a", "b"), given)
    given[0] = 9.0
    assert found.ranking == ("b", "a")
    with pytest.raises(ValueError, match="read-only"):
        found.scores[0] = 9.0
    with pytest.raises(UserError, match="wanted one score for each of 1 fields"):
        Selection(("a",), given)
    with pytest.raises(UserError, match="those of b are not"):
        selection(1.0, np.nan)


def test_json_keeps_every_bit_and_refuses_what_is_no_ranking():
    found = selection(0.1 + 0.2, 1 / 3, -1e-300)
    back = Selection.from_json(found.to_json())
    assert back.fields == found.fields and np.array_equal(back.scores, found.scores)
    assert json.loads(found.to_json())["ranking"] == ["b", "a", "c"]
    for text in ("", "[]", "{}", '{"fields": [1], "scores": [1], "seconds": 0}', "null"):
        with pytest.raises(UserError, match="ranking: wanted a JSON object"):
            Selection.from_json(text)
