"""What Lightning finds through its entry point: nothing, unless the user switches it on."""

from __future__ import annotations

import os
from typing import Any


def callbacks() -> list[Any]:
    """Callbacks for every Trainer of this environment.

    None by default. With ``GRAPHFORGET_AUTO=1`` each fit appends its record to the file named by
    ``GRAPHFORGET_RECORDS``, by default ``records.jsonl`` in the current folder.

    >>> os.environ.pop("GRAPHFORGET_AUTO", None) and None
    >>> callbacks()
    []
    """
    if os.environ.get("GRAPHFORGET_AUTO") != "1":
        return []
    from graphforget.callbacks.record import RecordCallback

    return [RecordCallback(os.environ.get("GRAPHFORGET_RECORDS", "records.jsonl"))]
