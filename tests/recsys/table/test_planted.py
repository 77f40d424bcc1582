"""What is planted is there: relevance, redundancy, and nothing else."""

from __future__ import annotations

import numpy as np
from sklearn.metrics import mutual_info_score, roc_auc_score

from recsys.table import Part, planted_table

PLANTED = planted_table(4000, relevant=3, redundant=2, irrelevant=3, seed=3)


def column(name: str) -> np.ndarray:
    return PLANTED.table.only([name]).columns[0]


def test_relevant_fields_inform_about_the_label_and_noise_does_not():
    label = PLANTED.table.label
    # a field of n values has by chance about (n - 1) / 2R of information
    told = {
        field.name: mutual_info_score(column(field.name), label) - field.size / 2 / len(label)
        for field in PLANTED.table.fields
    }
    assert min(told[name] for name in PLANTED.relevant) > 0.03
    assert max(told[name] for name in PLANTED.irrelevant) < 0.005


def test_a_redundant_field_is_a_function_of_its_original():
    assert set(PLANTED.redundant.values()) <= set(PLANTED.relevant)
    for copy, original in PLANTED.redundant.items():
        pairs = set(zip(column(original).tolist(), column(copy).tolist(), strict=True))
        assert len(pairs) == 16
        assert len({value for _, value in pairs}) == 8


def test_the_chances_are_those_of_the_labels():
    label = PLANTED.table.label
    assert 0.75 < roc_auc_score(label, PLANTED.chance) < 0.95
    high = PLANTED.chance > 0.8
    assert abs(label[high].mean() - PLANTED.chance[high].mean()) < 0.03


def test_seeds_and_shares():
    again = planted_table(4000, relevant=3, redundant=2, irrelevant=3, seed=3)
    assert again.table.digest == PLANTED.table.digest
    assert planted_table(4000, seed=4).table.digest != planted_table(4000, seed=5).table.digest
    assert [len(PLANTED.table.rows(part)) for part in Part] == [2800, 800, 400]
    orders = {tuple(f.name for f in planted_table(100, seed=s).table.fields) for s in range(4)}
    assert len(orders) == 4
