"""Click tables by name: public data sets and a user's own files."""

from recsys.data.load import TABLES, load_table

__all__ = ["TABLES", "load_table"]
