"""A user's own file: the schema is guessed once, and then it is theirs; tables are built once."""

from __future__ import annotations

import gzip
import os

import pytest

from graphforget.core.errors import UserError
from recsys.data import load_table
from recsys.table import Column, InOrder, Kind, Label, Part, Schema

LINES = ["user,genres,price,clicked"] + [
    f"u{row % 5},{['A|B', 'B', 'A', 'C|A'][row % 4]},{row / 8},{row % 2}" for row in range(60)
]


@pytest.fixture
def mine(tmp_path, monkeypatch):
    monkeypatch.setenv("GRAPHFORGET_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "mine.csv"
    path.write_text("\n".join(LINES) + "\n")
    return path


def tables(tmp_path):
    return sorted((tmp_path / "cache" / "tables").iterdir())


def test_a_schema_is_written_once_and_obeyed(mine, tmp_path):
    table = load_table(mine)
    assert [field.name for field in table.fields] == ["user", "genres", "price"]
    assert [len(table.rows(part)) for part in Part] == [42, 12, 6]
    schema = tmp_path / "mine.csv.schema.yaml"
    text = schema.read_text()
    for line in ("- name: user\n", "  kind: multi\n", "  separator: '|'\n"):
        assert line in text
        text = text.replace(line, "")
    schema.write_text(text)
    table = load_table(str(mine))
    assert [(field.name, field.kind) for field in table.fields] == [
        ("genres", Kind.CATEGORICAL), ("price", Kind.NUMERICAL)
    ]  # fmt: skip


def test_the_same_table_is_built_once_and_a_changed_file_anew(mine, tmp_path):
    first = load_table(mine)
    assert load_table(mine).origin.folder == first.origin.folder
    assert len(tables(tmp_path)) == 1
    mine.write_text("\n".join(LINES[:-10]) + "\n")
    assert load_table(mine).num_rows == 50
    assert load_table(mine, whole_table=True).num_rows == 50
    assert len(tables(tmp_path)) == 3


def test_a_schema_in_hand_and_a_compressed_file(mine, tmp_path):
    packed = tmp_path / "mine.tsv.gz"
    packed.write_bytes(gzip.compress(mine.read_bytes().replace(b",", b"\t")))
    schema = Schema((Column("user"),), Label("clicked"), InOrder(), delimiter="\t")
    table = load_table(packed, schema=schema)
    assert table.rows(Part.VAL).tolist() == list(range(42, 54))
    assert not list(tmp_path.glob("*.yaml"))
    assert load_table(packed).num_fields == 3  # the tabs are found


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_to(mine, tmp_path):
    tmp_path.chmod(0o500)
    with pytest.warns(UserWarning, match="cannot be kept there"):
        load_table(mine)


def test_files_of_another_kind(tmp_path, mine):
    (tmp_path / "a.xlsx").write_bytes(b"x")
    with pytest.raises(UserError, match="wanted a file called"):
        load_table(tmp_path / "a.xlsx")
    with pytest.raises(UserError, match="wanted a CSV"):
        load_table(tmp_path)
    mine.write_text("a;b\n1;0\n")
    with pytest.raises(UserError, match="label"):
        load_table(mine)
