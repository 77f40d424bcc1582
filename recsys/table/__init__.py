"""Click tables: fields, vocabularies, and ids in memory-mapped arrays."""

from recsys.table.click_table import NO_PART, ClickTable, Part
from recsys.table.field import Field, Kind
from recsys.table.planted import Planted, planted_table

__all__ = ["NO_PART", "ClickTable", "Field", "Kind", "Part", "Planted", "planted_table"]
