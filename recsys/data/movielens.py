"""MovieLens-100K and -1M as click tables: a rating above 3 is a click."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from graphforget.core.errors import UserError
from recsys.data.recbole import join, read_joined
from recsys.table import AtRandom, Calendar, Column, Label, Schema, TableSource

HUNDRED_K = Schema(
    (
        *map(Column, ("user_id", "item_id", "timestamp", "title", "genres", "release_year")),
        *map(Column, ("gender", "age", "occupation", "zip")),
        *(
            Column(what.value, source="timestamp", calendar=what)
            for what in (Calendar.HOUR, Calendar.WEEKDAY, Calendar.DATE)
        ),
    ),
    Label("rating", above=3),
    AtRandom(seed=0, val=0.2, test=0.1),
    user="user_id",
)
"""13 fields; 70,000 rows train, 20,000 validate, 10,000 test."""

ONE_M = Schema(
    tuple(
        map(
            Column,
            (
                "user_id", "movie_id", "timestamp", "title", "genres", "gender", "age",
                "occupation", "zip",
            ),
        )
    ),
    Label("rating", above=3),
    AtRandom(seed=0, val=0.2, test=0.1),
    user="user_id",
)  # fmt: skip
"""The 9 fields of the published benchmark, and its shares."""


def hundred_k_from_recbole(folder: Path) -> TableSource:
    """Read RecBole's copy, whose titles have lost their years.

    Args:
        folder: with ``ml-100k.inter``, ``.user`` and ``.item``.
    """
    table = read_joined(folder)
    renamed = {"movie_title": "title", "class": "genres", "zip_code": "zip"}
    return TableSource(
        table.rename_columns([renamed.get(name, name) for name in table.column_names]),
        str(folder),
    )


def hundred_k_from_grouplens(folder: Path) -> TableSource:
    """Read GroupLens' own files.

    Args:
        folder: with ``u.data``, ``u.user``, ``u.item`` and ``u.genre``.
    """
    genres = [line.split("|")[0] for line in lines(folder / "u.genre") if line]
    flags = ("item_id", "name", "released", "video", "url", *genres)
    ratings = cells(folder / "u.data", "\t", ("user_id", "item_id", "rating", "timestamp"))
    users = cells(folder / "u.user", "|", ("user_id", "age", "gender", "occupation", "zip"))
    films = cells(folder / "u.item", "|", flags, "latin-1")
    named = pc.extract_regex(films["name"], r"^(?P<title>.*?)\s*(?P<end>\((?P<year>\d{4})\).*)?$")
    marked = [films[genre].to_pylist() for genre in genres]
    of_each = [
        " ".join(genre for genre, flag in zip(genres, row, strict=True) if flag == "1")
        for row in zip(*marked, strict=True)
    ]
    year = pc.struct_field(named, "year")
    items = pa.table({
        "item_id": films["item_id"],
        "title": pc.struct_field(named, "title"),
        "release_year": pc.if_else(pc.equal(year, ""), None, year),
        "genres": pa.array(of_each),
    })
    return TableSource(join(join(ratings, users, "user_id"), items, "item_id"), str(folder))


def one_m(folder: Path) -> TableSource:
    """Read GroupLens' own files.

    Args:
        folder: with ``ratings.dat``, ``users.dat`` and ``movies.dat``.
    """
    ratings = cells(folder / "ratings.dat", "::", ("user_id", "movie_id", "rating", "timestamp"))
    people = ("user_id", "gender", "age", "occupation", "zip")
    users = cells(folder / "users.dat", "::", people)
    films = cells(folder / "movies.dat", "::", ("movie_id", "title", "genres"), "latin-1")
    return TableSource(join(join(ratings, users, "user_id"), films, "movie_id"), str(folder))


def cells(file: Path, mark: str, names: tuple[str, ...], encoding: str = "utf-8") -> pa.Table:
    """Read a text file without header, of whose cells none holds the mark between them.

    Args:
        file: to be read whole.
        mark: between the cells, of any length.
        names: of the columns.
        encoding: of the text.

    Raises:
        UserError: naming the file and the line that has not as many cells.
    """
    found = [line.split(mark) for line in lines(file, encoding)]
    for number, row in enumerate(found, start=1):
        if len(row) != len(names):
            raise UserError(
                f"{file}: line {number} has {len(row)} cells between {mark!r}, wanted "
                f"{len(names)}; is the file complete?"
            )
    columns = zip(*found, strict=True) if found else [()] * len(names)
    return pa.table({
        name: pa.array([cell or None for cell in column], pa.string())
        for name, column in zip(names, columns, strict=True)
    })


def lines(file: Path, encoding: str = "utf-8") -> list[str]:
    """Lines of a text file.

    Raises:
        UserError: it is missing or in another encoding.
    """
    try:
        return file.read_text(encoding=encoding).splitlines()
    except OSError as error:
        raise UserError(f"{file}: cannot be read ({error.strerror}); check the path") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{file}: not {encoding} at byte {error.start}") from None
