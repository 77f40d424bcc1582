"""Avazu's click-through challenge: 22 categories, in order of time."""

from __future__ import annotations

from pathlib import Path

from recsys.table import Column, CsvSource, InOrder, Label, Schema

FIELDS = (
    "hour", "C1", "banner_pos", "site_id", "site_domain", "site_category", "app_id", "app_domain",
    "app_category", "device_id", "device_ip", "device_model", "device_type", "device_conn_type",
    "C14", "C15", "C16", "C17", "C18", "C19", "C20", "C21",
)  # fmt: skip

AVAZU = Schema(tuple(map(Column, FIELDS)), Label("click"), InOrder(val=0.2, test=0.1))
"""22 fields: the hour as it stands in the file (YYMMDDHH), without the row's own id."""


def avazu(file: Path) -> CsvSource:
    """Read ``train.csv`` as it was published.

    Args:
        file: comma-separated with a header, compressed or not.
    """
    return CsvSource((file,), quoted=False)
