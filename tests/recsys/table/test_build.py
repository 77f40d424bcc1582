"""A table is what its file says, learned on the training part, and whole or absent."""

from __future__ import annotations

import gzip
import json
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from graphforget.core.errors import UserError
from recsys.table import (
    ClickTable,
    Column,
    CsvSource,
    Given,
    InOrder,
    Kind,
    Label,
    ParquetSource,
    Part,
    Quantiles,
    Schema,
    TableSource,
    build_table,
    source,
    split,
    vocabulary,
)  # fmt: skip
from recsys.table.click_table import checksum
from recsys.table.stored import read_vocabulary

ROWS = 200
DRAW = np.random.default_rng(0)
FRAME = {
    "city": [f"c{value}" for value in DRAW.integers(60, size=ROWS)],
    "price": np.round(DRAW.exponential(size=ROWS), 3).tolist(),
    "tags": [
        "|".join(f"t{value}" for value in DRAW.integers(9, size=DRAW.integers(4)))
        for _ in range(ROWS)
    ],
    "label": [0, 1] * (ROWS // 2),
    "user": [f"u{value}" for value in DRAW.integers(12, size=ROWS)],
}
SCHEMA = Schema(
    (
        Column("city", min_count=2),
        Column("price", Kind.NUMERICAL, buckets=Quantiles(8)),
        Column("tags", Kind.MULTI, separator="|"),
    ),
    split=InOrder(0.2, 0.1),
    user="user",
)
TRAIN = 140


def write_csv(path: Path, frame=FRAME, mark=",") -> Path:
    lines = [mark.join(frame)]
    lines += [mark.join(map(str, row)) for row in zip(*frame.values(), strict=True)]
    text = ("\n".join(lines) + "\n").encode()
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> ClickTable:
    folder = tmp_path_factory.mktemp("built")
    return build_table(CsvSource((write_csv(folder / "a.csv"),)), SCHEMA, folder / "table")


def test_vocabularies_hold_what_trains_often_enough_and_nothing_else(built):
    seen = FRAME["city"][:TRAIN]
    expected = {value for value in seen if seen.count(value) >= 2}
    words = read_vocabulary(built.origin.folder, 0).to_pylist()
    assert set(words) == expected
    assert set(FRAME["city"]) > expected  # so something is out of the vocabulary
    assert built.fields[0].size == len(expected) + 1
    ids = [words.index(value) + 1 if value in expected else 0 for value in FRAME["city"]]
    assert built.columns[0].tolist() == ids


def test_nothing_but_ids_of_rows_outside_training_depends_on_them(built, tmp_path):
    poisoned = {key: list(values) for key, values in FRAME.items()}
    for row in range(TRAIN, ROWS):
        poisoned["city"][row], poisoned["price"][row] = f"poison{row}", 1e6 + row
        poisoned["tags"][row] = "|".join(f"p{number}" for number in range(9))
    other = build_table(
        CsvSource((write_csv(tmp_path / "a.csv", poisoned),)), SCHEMA, tmp_path / "table"
    )
    assert other.fields == built.fields
    for ours, theirs in zip(built.columns, other.columns, strict=True):
        assert (ours[:TRAIN] == theirs[:TRAIN]).all()
    assert (other.columns[0][TRAIN:] == 0).all()


def test_the_published_vocabulary_of_all_rows_is_the_leak_it_is_called(tmp_path):
    schema = replace(SCHEMA, whole_table=True)
    table = build_table(TableSource(pa.table(FRAME), "frame"), schema, tmp_path / "table")
    kept = [value for value in set(FRAME["city"]) if FRAME["city"].count(value) >= 2]
    assert table.fields[0].size == len(kept) + 1


def test_values_of_a_multi_field_stand_side_by_side(built):
    field, ids = built.fields[2], built.columns[2]
    words = ["", *read_vocabulary(built.origin.folder, 2).to_pylist()]
    assert field.width == 3 == ids.shape[1]
    for row in range(TRAIN):
        said = [tag for tag in FRAME["tags"][row].split("|") if tag]
        assert [words[one] for one in ids[row] if one] == said


def test_numbers_fall_into_quantiles_of_the_training_part(built):
    ids = built.columns[1][:TRAIN]
    assert built.fields[1].kind is Kind.NUMERICAL
    assert built.fields[1].size == 9
    assert np.bincount(ids, minlength=9)[1:].min() >= TRAIN // 8 - 2
    assert ids.min() == 1


def test_users_group_rows_of_all_parts(built):
    groups = {}
    for row, user in enumerate(FRAME["user"]):
        groups.setdefault(user, set()).add(int(built.users[row]))
    assert all(len(group) == 1 for group in groups.values())
    assert len(set().union(*groups.values())) == len(groups)


@pytest.mark.parametrize("way", ["csv", "gz", "tab", "parquet", "memory", "small", "two"])
def test_every_way_to_the_same_rows_gives_the_same_table(built, tmp_path, monkeypatch, way):
    if way == "small":
        for module, name in ((vocabulary, "PENDING"), (source, "CHUNK_ROWS"), (split, "BLOCK")):
            monkeypatch.setattr(module, name, 17)
        monkeypatch.setattr(source, "CHUNK_BYTES", 1024)
    schema = SCHEMA
    if way == "parquet":
        pq.write_table(pa.table(FRAME), tmp_path / "a.parquet", row_group_size=33)
        rows = ParquetSource((tmp_path / "a.parquet",))
    elif way == "memory":
        rows = TableSource(pa.table(FRAME), "frame")
    elif way == "tab":
        rows = CsvSource((write_csv(tmp_path / "a.tsv", mark="\t"),), "\t")
    elif way == "two":
        halves = [
            {key: values[part] for key, values in FRAME.items()}
            for part in (slice(90), slice(90, None))
        ]
        rows = CsvSource(
            tuple(write_csv(tmp_path / f"{n}.csv", half) for n, half in enumerate(halves))
        )
    else:
        rows = CsvSource((write_csv(tmp_path / ("a.csv.gz" if way == "gz" else "a.csv")),))
    assert build_table(rows, schema, tmp_path / "table").digest == built.digest


def test_the_folder_holds_the_table_and_nothing_of_the_work(built):
    names = sorted(file.name for file in built.origin.folder.iterdir())
    assert names == [
        "00.npy", "01.npy", "02.npy", "label.npy", "part.npy", "schema.yaml", "table.json",
        "users.npy", "vocabulary.parquet",
    ]  # fmt: skip
    about = json.loads((built.origin.folder / "table.json").read_text())
    assert about["parts"] == {"train": 140, "val": 40, "test": 20}
    assert [len(built.rows(part)) for part in Part] == [140, 40, 20]
    for name, array in built.origin.arrays.items():
        assert about["checksums"][name] == checksum(array)


def test_a_table_in_files_travels_as_its_place_unless_it_was_changed(built):
    small = pickle.dumps(built.only(["tags", "city"]))
    assert len(small) < 1000
    back = pickle.loads(small)
    assert [field.name for field in back.fields] == ["tags", "city"]
    assert back.digest == built.only(["tags", "city"]).digest
    flipped = replace(built, label=1 - built.label)
    assert flipped.digest != built.digest
    assert pickle.loads(pickle.dumps(flipped)).label.tolist() == flipped.label.tolist()


def test_the_arrays_are_mapped_not_read(built):
    assert all(isinstance(array.base, np.memmap) for array in built.columns)


def broken(**changes):
    return {key: list(values) for key, values in (FRAME | changes).items()}


def with_cell(column, row, value):
    frame = broken()
    frame[column][row] = value
    return frame


SHORT = b"city,price,tags,label,user\nc1,1,t1,0,u1\nc1,1\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (with_cell("label", 30, "2"), "a.csv: column 'label' must be 0 or 1.* row 31 has '2'"),
        (with_cell("label", 30, ""), "column 'label' must be 0 or 1.* row 31 is empty"),
        (with_cell("label", 30, "nan"), "column 'label' must be 0 or 1.* row 31 has 'nan'"),
        (with_cell("label", 30, "yes"), "column 'label' must be 0 or 1.* row 31 has 'yes'"),
        (with_cell("price", 150, "nan"), "a.csv: column 'price' .* row 151 has 'nan'"),
        (with_cell("price", 150, "dear"), "a.csv: column 'price' must be finite numbers.* row 151"),
        (with_cell("user", 9, ""), "column 'user' must be filled in every row, row 10 is empty"),
        ({key: FRAME[key] for key in ("city", "tags", "label", "user")}, "'price' is missing; it"),
        (broken(label=[1] * ROWS), "all labels of the train part are 1"),
        ({key: values[:3] for key, values in FRAME.items()}, "leaves no row for test, out of 3"),
        ({key: [] for key in FRAME}, "no rows"),
        (SHORT, "a.csv: cannot be read to its end .*line 3: Expected 5 columns, got 2"),
        (b"", "first line is empty"),
        (b"city,price\n\xff\xfe,1\n", "line 2.*invalid UTF8"),
    ],
)
def test_bad_input_names_file_column_and_row_and_leaves_nothing(tmp_path, content, message):
    path = tmp_path / "a.csv"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        write_csv(path, content)
    with pytest.raises(UserError, match=message) as caught:
        build_table(CsvSource((path,)), SCHEMA, tmp_path / "out" / "table")
    assert "\n" not in str(caught.value)
    assert list((tmp_path / "out").iterdir()) == []


def test_the_row_is_that_of_its_own_file(tmp_path, monkeypatch):
    monkeypatch.setattr(source, "CHUNK_BYTES", 1024)
    good = write_csv(tmp_path / "a.csv")
    bad = write_csv(tmp_path / "b.csv", with_cell("label", 120, "7"))
    with pytest.raises(UserError, match="b.csv: column 'label' .* row 121 has '7'"):
        build_table(CsvSource((good, bad)), SCHEMA, tmp_path / "table")


def test_a_short_line_far_into_the_file_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(source, "CHUNK_BYTES", 1024)
    path = write_csv(tmp_path / "a.csv")
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:150], "c1,2", *lines[150:]]))
    with pytest.raises(UserError, match="line 151: Expected 5 columns, got 2"):
        build_table(CsvSource((path,)), SCHEMA, tmp_path / "table")


def test_a_wrong_delimiter_is_suspected(tmp_path):
    path = write_csv(tmp_path / "a.csv", mark=";")
    with pytest.raises(UserError, match="'city' is missing.* is the delimiter right"):
        build_table(CsvSource((path,)), SCHEMA, tmp_path / "table")


@pytest.mark.parametrize("kind", ["gz", "parquet"])
@pytest.mark.parametrize("share", [0.5, 0.99])
def test_truncated_files_are_noticed(tmp_path, kind, share):
    path = tmp_path / f"a.csv.{kind}" if kind == "gz" else tmp_path / "a.parquet"
    if kind == "gz":
        write_csv(path)
    else:
        pq.write_table(pa.table(FRAME), path)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    rows = CsvSource((path,)) if kind == "gz" else ParquetSource((path,))
    with pytest.raises(UserError, match=f"{path.name}: cannot be read"):
        build_table(rows, SCHEMA, tmp_path / "out" / "table")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_damaged_table_is_told(built, tmp_path):
    for name in ("00.npy", "label.npy", "table.json"):
        folder = tmp_path / name
        folder.mkdir()
        for file in built.origin.folder.iterdir():
            (folder / file.name).write_bytes(file.read_bytes())
        (folder / name).write_bytes((folder / name).read_bytes()[:-20])
        with pytest.raises(UserError, match="damaged|not a table"):
            ClickTable.open(folder)
    with pytest.raises(UserError, match="not a click table"):
        ClickTable.open(tmp_path)


def test_a_field_of_one_value_is_warned_of(tmp_path):
    frame = pa.table(broken(city=["c"] * ROWS))
    with pytest.warns(UserWarning, match="'city' has one value only"):
        table = build_table(TableSource(frame, "frame"), SCHEMA, tmp_path / "table")
    assert table.fields[0].size == 2


def test_a_given_split_and_ratings_as_labels(tmp_path):
    said = (["train"] * 5 + ["val", "test", ""] * 5) * 10
    frame = pa.table(broken(label=[1 + row % 5 for row in range(ROWS)]) | {"split": said})
    schema = replace(SCHEMA, split=Given("split"), label=Label("label", above=3))
    table = build_table(TableSource(frame, "frame"), schema, tmp_path / "table")
    assert [len(table.rows(part)) for part in Part] == [50, 50, 50]
    assert table.label.tolist() == [int(1 + row % 5 > 3) for row in range(ROWS)]
    with pytest.raises(UserError, match="frame: column 'split' must be train"):
        wrong = frame.set_column(5, "split", pa.array(["learn"] * ROWS))
        build_table(TableSource(wrong, "frame"), schema, tmp_path / "other")


def test_what_is_there_is_not_written_over(built):
    with pytest.raises(UserError, match="exists"):
        build_table(TableSource(pa.table(FRAME), "frame"), SCHEMA, built.origin.folder)
