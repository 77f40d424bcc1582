"""Ali-CCP: 23 categories of users, items and their meetings, in three files."""

from __future__ import annotations

from pathlib import Path

from recsys.table import Column, CsvSource, InOrder, Label, Schema

FIELDS = (
    "101", "121", "122", "124", "125", "126", "127", "128", "129", "205", "206", "207", "210",
    "216", "508", "509", "702", "853", "301", "109_14", "110_14", "127_14", "150_14",
)  # fmt: skip
FILES = ("ali_ccp_train.csv", "ali_ccp_val.csv", "ali_ccp_test.csv")

ALICCP = Schema(tuple(map(Column, FIELDS)), Label("click"), InOrder(val=0.25, test=0.25))
"""The published benchmark's 23 fields, and its 50/25/25 of the three files after each other."""


def aliccp(folder: Path) -> CsvSource:
    """Read the three files into which the set is commonly merged.

    Args:
        folder: with the files of `FILES`; they have a header, and may be ``.gz``.
    """
    packed = [folder / f"{name}.gz" for name in FILES]
    plain = [folder / name for name in FILES]
    return CsvSource(
        tuple(zipped if zipped.is_file() else file
              for zipped, file in zip(packed, plain, strict=True)),
        quoted=False,
    )  # fmt: skip
