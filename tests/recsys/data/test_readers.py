"""Files in the published formats become the tables that the specification counts."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

from graphforget.core.errors import UserError
from recsys.data import load_table
from recsys.data.frappe import draw_unused, frappe
from recsys.data.movielens import hundred_k_from_grouplens, hundred_k_from_recbole, one_m
from recsys.data.recbole import read_atomic, read_joined, shipped
from recsys.table import Kind, Part

RATINGS = [(user, item, 1 + (user + item) % 5) for user in range(1, 9) for item in range(1, 9)]


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GRAPHFORGET_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("GRAPHFORGET_DATA", raising=False)


def write(path: Path, lines) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    return path


def test_movielens_100k_has_the_fields_of_the_specification():
    if shipped("ml-100k") is None:
        pytest.skip("needs the package recbole")
    table = load_table("ml-100k", whole_table=True)
    assert {field.name: field.size - 1 for field in table.fields} == {
        "user_id": 943, "item_id": 1682, "timestamp": 49_282, "title": 1659, "genres": 216,
        "release_year": 73, "gender": 2, "age": 61, "occupation": 21, "zip": 795, "hour": 24,
        "weekday": 7, "date": 213,
    }  # fmt: skip
    assert [len(table.rows(part)) for part in Part] == [70_000, 20_000, 10_000]
    assert table.label.mean() == pytest.approx(0.55375)
    assert len(np.unique(table.users)) == 943


def test_movielens_100k_is_a_planted_table_where_recbole_is_not_installed(monkeypatch):
    monkeypatch.setattr("recsys.data.load.shipped", lambda name: None)
    with pytest.warns(UserWarning, match="recbole .* not installed .* planted"):
        assert load_table("ml-100k").name == "planted"


@pytest.mark.slow
def test_both_copies_of_movielens_100k_say_the_same(data_root):
    ours = hundred_k_from_recbole(shipped("ml-100k")).table
    theirs = hundred_k_from_grouplens(data_root / "recsys" / "ml-100k" / "raw").table
    for name in ("user_id", "item_id", "rating", "timestamp", "genres", "age", "gender", "zip"):
        assert ours[name].to_pylist() == theirs[name].to_pylist()
    titles = zip(ours["title"].to_pylist(), theirs["title"].to_pylist(), strict=True)
    differing = {pair for pair in titles if pair[0] != pair[1]}
    assert len(differing) == 2  # a misspelling, and a stray year


def test_atomic_files_are_joined_and_checked(tmp_path):
    folder = tmp_path / "mine"
    head = "user_id:token\titem_id:token\trating:float"
    write(folder / "mine.inter", [head, "2\ta\t4", "1\tb\t2"])
    write(folder / "mine.user", ["user_id:token\tage:token", "1\t30", "2\t40"])
    write(folder / "mine.item", ["item_id:token\twords:token_seq", "a\tx y"])
    joined = read_joined(folder)
    assert joined["age"].to_pylist() == ["40", "30"]
    assert joined["words"].to_pylist() == ["x y", None]
    write(folder / "mine.user", ["user_id:token\tage:token", "1\t30", "1\t40"])
    with pytest.raises(UserError, match="mine.user: column 'user_id' names a user twice"):
        read_joined(folder)
    write(folder / "mine.user", ["user_id\tage:token", "1\t30"])
    with pytest.raises(UserError, match="mine.user: column 'user_id' must be called name:type"):
        read_joined(folder)
    with pytest.raises(UserError, match="nothing.inter: cannot be read"):
        read_atomic(folder / "nothing.inter")


@pytest.mark.filterwarnings("ignore:.*one value only")
def test_movielens_1m(tmp_path):
    folder = tmp_path / "root" / "ml-1m"
    write(folder / "ratings.dat", [f"{u}::{i}::{r}::{978300000 + u}" for u, i, r in RATINGS])
    write(folder / "users.dat", [f"{user}::F::25::4::5500{user}" for user in range(1, 9)])
    write(folder / "movies.dat", [f"{i}::Film: {i} (1999)::Drama|War" for i in range(1, 9)])
    table = load_table("ml-1m", tmp_path / "root", whole_table=True)
    assert [field.name for field in table.fields] == [
        "user_id", "movie_id", "timestamp", "title", "genres", "gender", "age", "occupation", "zip"
    ]  # fmt: skip
    assert table.label.tolist() == [int(rating > 3) for _, _, rating in RATINGS]
    write(folder / "users.dat", ["1::F::25::4::55001", "2::M"])
    with pytest.raises(UserError, match="users.dat: line 2 has 2 cells"):
        one_m(folder)


@pytest.mark.parametrize("head", [False, True])
def test_criteo_with_and_without_header(tmp_path, head):
    names = ["label", *(f"I{n}" for n in range(1, 14)), *(f"C{n}" for n in range(1, 27))]
    rows = [
        "\t".join([str(row % 2), *(["", str(row)] * 7)[:13], *[f"{row % 3:08x}"] * 26])
        for row in range(40)
    ]
    write(tmp_path / "criteo" / "train.txt", ["\t".join(names)] * head + rows)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        table = load_table("criteo", tmp_path)
    assert [field.name for field in table.fields] == names[1:]
    assert {field.kind for field in table.fields[:13]} == {Kind.NUMERICAL}
    buckets = {int(np.log(x) ** 2) if x > 2 else x - 2 for x in range(28)}
    assert table.fields[1].size == 1 + len(buckets)
    assert (table.columns[0] == 0).all()  # missing everywhere
    assert [len(table.rows(part)) for part in Part] == [28, 8, 4]
    assert table.rows(Part.TEST).tolist() == [36, 37, 38, 39]


def test_avazu_and_aliccp_by_position(tmp_path):
    from recsys.data.aliccp import FIELDS as ALI
    from recsys.data.avazu import FIELDS as AVAZU

    head = ["id", "click", *AVAZU]
    rows = [",".join([f"id{row}", str(row % 2), *[str(row % 4)] * 22]) for row in range(20)]
    write(tmp_path / "avazu" / "train.csv", [",".join(head), *rows])
    table = load_table("avazu", tmp_path)
    assert [field.name for field in table.fields] == list(AVAZU)
    assert [len(table.rows(part)) for part in Part] == [14, 4, 2]
    for number, part in enumerate(("train", "val", "test")):
        rows = [["click", "purchase", *ALI]]
        rows += [[str(row % 2), "0", *[f"{number}{row % 3}"] * 23] for row in range(8)]
        file = tmp_path / "aliccp" / f"ali_ccp_{part}.csv"
        write(file, [",".join(row) for row in rows])
    table = load_table("aliccp", tmp_path)
    assert [len(table.rows(part)) for part in Part] == [12, 6, 6]
    assert table.num_fields == 23


def test_frappe_negatives_were_not_used_and_keep_their_own_cost(tmp_path):
    head = ["user", "item", "cnt", "daytime", "weekday", "isweekend", "homework", "cost", "weather",
            "country", "city"]  # fmt: skip
    log = [(user, item) for user in range(6) for item in range(12) if (user * item) % 3 == 1]
    rows = [[str(u), str(i), "3", "noon", "monday", "workday", "home", f"cost{i % 2}", "sunny", "X",
             str(u)] for u, i in log]  # fmt: skip
    write(tmp_path / "frappe.csv", ["\t".join(row) for row in [head, *rows]])
    found = frappe(tmp_path / "frappe.csv", seed=1).table.to_pandas()
    assert len(found) == 3 * len(log)
    assert found["label"].tolist() == [1, 0, 0] * len(log)
    drawn = found[found["label"] == 0]
    pairs = zip(drawn["user"].astype(int), drawn["item"].astype(int), strict=True)
    assert not set(pairs) & set(log)
    assert (found["cost"] == "cost" + (found["item"].astype(int) % 2).astype(str)).all()
    again = frappe(tmp_path / "frappe.csv", seed=1).table.to_pandas()
    assert found.equals(again)
    assert not found.equals(frappe(tmp_path / "frappe.csv", seed=2).table.to_pandas())


def test_someone_who_used_everything():
    with pytest.raises(UserError, match="every item"):
        draw_unused(np.array([0, 0]), np.array([0, 1]), 1, 2, 1, 0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "rows", "fields", "share"),
    [("criteo", 8000, 39, 0.216), ("avazu", 8999, 22, 0.174), ("frappe", 288_609, 10, 1 / 3),
     ("ml-100k", 100_000, 13, 0.55375)],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:.*one value only")
def test_real_files(data_root, name, rows, fields, share):
    table = load_table(name, data_root)
    assert (table.num_rows, table.num_fields) == (rows, fields)
    assert table.label.mean() == pytest.approx(share, abs=1e-3)


def test_a_file_that_a_reader_misses_is_named(tmp_path):
    with pytest.raises(UserError, match="'criteo': no file criteo/train.txt or .* --root"):
        load_table("criteo", tmp_path)
    with pytest.raises(UserError, match="'cirteo': neither a file nor one of ml-100k"):
        load_table("cirteo")
