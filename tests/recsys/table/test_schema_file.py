"""A schema goes to YAML and back, and every mistake in it is named."""

from __future__ import annotations

import pytest

from graphforget.core.errors import UserError
from recsys.data.criteo import CRITEO
from recsys.data.frappe import FRAPPE
from recsys.data.movielens import HUNDRED_K
from recsys.table import (
    AtRandom,
    ByTime,
    Calendar,
    Column,
    Edges,
    Given,
    Kind,
    Label,
    Quantiles,
    Schema,
    read_schema,
)  # fmt: skip
from recsys.table.schema_file import schema_text

FULL = Schema(
    (
        Column("user"),
        Column("hour", source="time", calendar=Calendar.HOUR),
        Column("price", Kind.NUMERICAL, buckets=Quantiles(10)),
        Column("age", Kind.NUMERICAL, buckets=Edges((18, 30, 65.5)), min_count=4),
        Column("genres", Kind.MULTI, separator="|", width=3),
    ),
    Label("rating", above=3.5),
    ByTime("time", val=0.15, test=0.15),
    user="user",
    min_count=2,
    whole_table=True,
    delimiter="\t",
)


@pytest.mark.parametrize("schema", [FULL, CRITEO, FRAPPE, HUNDRED_K, Schema((Column("a"),))])
def test_there_and_back(tmp_path, schema):
    path = tmp_path / "schema.yaml"
    path.write_text(schema_text(schema))
    assert read_schema(path) == schema


def test_a_short_file_by_hand(tmp_path):
    path = tmp_path / "schema.yaml"
    path.write_text("label: click\nsplit: given\nfields: [user, {name: x, kind: numerical}]\n")
    expected = Schema((Column("user"), Column("x", Kind.NUMERICAL)), Label("click"), Given())
    assert read_schema(path) == expected
    path.write_text("fields: [user]\nsplit: {at_random: {seed: 7}}")
    assert read_schema(path).split == AtRandom(seed=7)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("fields: [a, a]", "'a' is listed twice"),
        ("fields: []", "no field"),
        ("label: a\n", "'fields' must be a list"),
        ("just text", "wanted entries"),
        ("fields: [a]\nlabel: a", "'a' is the label and a field"),
        ("fields: [a]\nlable: b", "'lable' is not known"),
        ("fields: [{name: a, kind: number}]", "'a': kind must be one of categorical, numerical"),
        ("fields: [{name: a, kind: [x]}]", "'a': kind must be one of"),
        ("fields: [{kind: multi}]", "'name' is missing"),
        ("fields: [{name: a, min_count: many}]", "'a': min_count must be int, got 'many'"),
        ("fields: [{name: a, min_count: 0}]", "min_count must be a whole number above 0"),
        ("fields: [{name: a, min_count: true}]", "min_count must be int"),
        ("fields: [{name: a, buckets: squared_log}]", "only a numerical field has buckets"),
        ("fields: [{name: a, kind: numerical, buckets: {quantiles: {n: 3}}}]", "'n' is not known"),
        ("fields: [{name: a, kind: numerical, buckets: deciles}]", "one of squared_log, quantiles"),
        ("fields: [{name: a, separator: x}]", "only a multi field"),
        ("fields: [{name: a, calendar: month}]", "calendar must be one of hour, weekday, date"),
        ("fields: [a]\nsplit: by_size", "split: wanted one of in_order, at_random"),
        ("fields: [a]\nsplit: {at_random: {val: 0.9, test: 0.2}}", "shares"),
        ("fields: [a]\nsplit: {at_random: {seed: x}}", "seed must be int"),
        ("fields: [a]\nsplit: {at_random: {seed: -1}}", "seed must be 0 or more, got -1"),
        ("fields: [a]\ndelimiter: ab", "one ASCII character"),
        ("fields: [a]\ndelimiter: é", "one ASCII character"),
        ('fields: [a]\ndelimiter: "\\n"', "no quote or line break"),
        ("fields: [{name: a, column: 3}]", "'a': column must be str"),
        ("fields: [{name: a, kind: numerical, buckets: {edges: {edges: 5}}}]", "finite numbers"),
        ("fields: [a", "no YAML"),
        ("fields: [1]", "wanted entries"),
        ("fields: [{name: 1}]", "name must be str"),
    ],
)
def test_mistakes_are_named_in_one_line(tmp_path, text, message):
    path = tmp_path / "schema.yaml"
    path.write_text(text)
    with pytest.raises(UserError, match=message) as caught:
        read_schema(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)
