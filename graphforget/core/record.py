"""One JSON line for each run: everything needed to rank it and to run it again."""

from __future__ import annotations

import hashlib
import json
import math
import platform
import subprocess
import warnings
from dataclasses import asdict, dataclass, field, fields
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from graphforget.core.errors import UserError
from graphforget.core.files import append_line

SCHEMA = 1
"""Number of this record format; it grows when the meaning of a field changes."""

STATUSES = ("ok", "refused", "failed")
ASKED = ("benchmark", "dataset", "task", "model", "learner", "unlearner", "config", "seed")
"""Fields that say what was asked for; with the request they are a record's identity."""


@dataclass(frozen=True)
class Record:
    """What was asked, what came of it, what it cost and where it ran.

    `oracle` has the names of `metrics` and the retrained model's values. A run that was refused
    or that failed is a record too: `error` says why.

    >>> record = Record("graph_unlearning", "cora", "node", "GCN", "CrossEntropy", "Unlink",
    ...                 metrics={"test_accuracy": 0.8}, seconds=0.1)
    >>> Record.from_line(record.to_line()) == record
    True
    """

    benchmark: str
    dataset: str
    task: str
    model: str
    learner: str
    unlearner: str
    config: dict[str, Any] = field(default_factory=dict)
    seed: int = 0
    request: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    oracle: dict[str, float] = field(default_factory=dict)
    seconds: float | None = None
    oracle_seconds: float | None = None
    peak_mb: float | None = None
    status: str = "ok"
    error: str | None = None
    git: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    started_at: str = ""
    schema: int = SCHEMA

    def __post_init__(self) -> None:
        if self.status not in STATUSES:
            raise UserError(f"record: status must be one of {STATUSES}, got {self.status!r}")

    @property
    def key(self) -> str:
        """Digest of what was asked: equal for two runs of the same thing, whatever came of them.

        >>> one = Record("b", "cora", "node", "GCN", "CrossEntropy", "Unlink", seconds=1.0)
        >>> two = Record("b", "cora", "node", "GCN", "CrossEntropy", "Unlink", status="failed")
        >>> one.key == two.key
        True
        """
        asked = {name: getattr(self, name) for name in (*ASKED, "request")}
        return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()

    def to_line(self) -> str:
        """The record as one line of JSON; a metric that is not a number becomes null."""
        values = asdict(self)
        for name in ("metrics", "oracle"):
            values[name] = {key: _finite(value) for key, value in values[name].items()}
        try:
            return json.dumps(values, sort_keys=True, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise UserError(f"record: a field cannot be written as JSON: {error}") from error

    @classmethod
    def from_line(cls, line: str) -> Record:
        """Read what `to_line` wrote.

        Raises:
            UserError: if the line is no record, or one of a newer format.
        """
        try:
            values = json.loads(line)
        except ValueError as error:
            raise UserError(f"record: not a line of JSON: {error}") from error
        if not isinstance(values, dict):
            raise UserError(f"record: wanted a JSON object, got {line[:40]!r}")
        if values.get("schema", 0) != SCHEMA:
            raise UserError(
                f"record: this version reads schema {SCHEMA}, got {values.get('schema')!r}; "
                "use the version that wrote it"
            )
        if unknown := sorted(set(values) - {entry.name for entry in fields(cls)}):
            raise UserError(f"record: unknown field {unknown[0]!r}")
        for name in ("metrics", "oracle"):
            pairs = values.get(name, {})
            if not isinstance(pairs, dict):
                raise UserError(f"record: {name} must be an object, got {str(pairs)[:40]!r}")
            values[name] = {k: math.nan if v is None else v for k, v in pairs.items()}
        try:
            return cls(**values)
        except TypeError as error:
            raise UserError(f"record: {error}") from error


def append_record(path: str | Path, record: Record) -> None:
    """Add a record to a file of records."""
    append_line(path, record.to_line())


def read_records(path: str | Path) -> list[Record]:
    """All records of a file, in order; a file that does not exist has none.

    A line that is not JSON is what a killed writer leaves: it is skipped with a warning.

    Raises:
        UserError: on a line that is JSON but no record.
    """
    path = Path(path)
    if not path.exists():
        return []
    records = []
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        try:
            json.loads(line)
        except ValueError:
            if line.strip():
                warnings.warn(f"{path}, line {number}: skipped, cut short", stacklevel=2)
            continue
        try:
            records.append(Record.from_line(line))
        except UserError as error:
            raise UserError(f"{path}, line {number}: {error}") from error
    return records


@cache
def git_state() -> str:
    """Commit of the source tree, with "+" if it was changed since; empty outside a checkout."""
    here = Path(__file__).resolve().parent
    try:
        commit, changes = (
            subprocess.run(["git", *command], cwd=here, capture_output=True, text=True, check=True)
            for command in (["rev-parse", "HEAD"], ["status", "--porcelain", "-uno"])
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return commit.stdout.strip() + ("+" if changes.stdout.strip() else "")


@cache
def versions() -> dict[str, str]:
    """Versions of Python and of the packages that results depend on."""
    found = {"python": platform.python_version()}
    for package in ("graphforget", "torch", "torch-geometric", "pytorch-lightning", "numpy", "ray"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
