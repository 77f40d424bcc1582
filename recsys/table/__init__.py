"""Click tables: fields, vocabularies, and ids in memory-mapped arrays."""

from recsys.table.build import build_table
from recsys.table.click_table import NO_PART, ClickTable, Part
from recsys.table.discretize import Discretization, Edges, Quantiles, SquaredLog, WholeNumbers
from recsys.table.encode import encode
from recsys.table.field import Field, Kind
from recsys.table.infer import infer_schema
from recsys.table.planted import Planted, planted_table
from recsys.table.schema import Calendar, Column, Label, Schema
from recsys.table.schema_file import read_schema
from recsys.table.source import CsvSource, ParquetSource, Source, TableSource
from recsys.table.split import AtRandom, ByTime, Given, InOrder, Split

__all__ = [
    "NO_PART", "AtRandom", "ByTime", "Calendar", "ClickTable", "Column", "CsvSource",
    "Discretization", "Edges", "Field", "Given", "InOrder", "Kind", "Label", "ParquetSource",
    "Part", "Planted", "Quantiles", "Schema", "Source", "Split", "SquaredLog", "TableSource",
    "WholeNumbers", "build_table", "encode", "infer_schema", "planted_table", "read_schema",
]  # fmt: skip
