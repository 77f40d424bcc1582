"""A schema as a small YAML file that a user can edit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, asdict, fields
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar

import yaml

from graphforget.core.errors import UserError
from recsys.table.discretize import Discretization, Edges, Quantiles, SquaredLog, WholeNumbers
from recsys.table.field import Kind
from recsys.table.schema import Calendar, Column, Label, Schema
from recsys.table.split import AtRandom, ByTime, Given, InOrder, Split

HEAD = """\
# How the click table is built of the file. Edit it and run again.
# kind: categorical, numerical or multi. A numerical field may have buckets: whole_numbers,
# squared_log, quantiles: {buckets: 32}, or edges: {edges: [1, 10, 100]}; a multi field has a
# separator. min_count: 10 leaves out what comes less often. calendar: hour, weekday or date of a
# column of times. label: {column: rating, above: 3} makes clicks of ratings.
# split: in_order, at_random: {seed: 0}, by_time: {column: timestamp}, or given: {column: split}.
# Columns that are not listed are not read.
"""

SPLITS: dict[str, type[Split]] = {
    "in_order": InOrder, "at_random": AtRandom, "by_time": ByTime, "given": Given
}  # fmt: skip
BUCKETS: dict[str, type[Discretization]] = {
    "squared_log": SquaredLog, "quantiles": Quantiles, "edges": Edges,
    "whole_numbers": WholeNumbers,
}  # fmt: skip
Chosen = TypeVar("Chosen")


def schema_text(schema: Schema) -> str:
    """A schema as YAML; what is as by default is left out.

    >>> print(schema_text(Schema((Column("user"), Column("item"))))[len(HEAD) :])
    label:
      column: label
    split:
      at_random:
        seed: 0
        val: 0.2
        test: 0.1
    fields:
    - name: user
    - name: item
    <BLANKLINE>
    """
    said: dict[str, Any] = {"label": {"column": schema.label.column}}
    if schema.label.above is not None:
        said["label"]["above"] = schema.label.above
    said["split"] = _chosen_text(schema.split, SPLITS)
    said |= _differing(schema, skip=("columns", "label", "split"))
    said["fields"] = []
    for column in schema.columns:
        entry = {"name": column.name} | _differing(column, skip=("name", "source", "buckets"))
        if column.source is not None:
            entry["column"] = column.source
        if column.buckets is not None:
            entry["buckets"] = discretization_text(column.buckets)
        said["fields"].append(entry)
    return HEAD + yaml.safe_dump(said, sort_keys=False, allow_unicode=True)


def read_schema(path: Path) -> Schema:
    """Read a schema.

    Raises:
        UserError: naming the file and the entry that is wrong.
    """
    try:
        content = path.read_text(encoding="utf-8")
        return parse_schema(yaml.safe_load(content))
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); check the path") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 at byte {error.start}; save it as UTF-8") from None
    except yaml.YAMLError as error:
        raise UserError(f"{path}: no YAML ({' '.join(str(error).split())[:160]})") from None
    except UserError as error:
        raise UserError(f"{path}: {error}") from None


def parse_schema(said: Any) -> Schema:
    """A schema out of what a YAML file says.

    Raises:
        UserError: naming the entry that is wrong.
    """
    said = dict(_mapping("schema", said))
    entries = said.pop("fields", None)
    if not isinstance(entries, list):
        raise UserError("schema: 'fields' must be a list of fields")
    label = said.pop("label", "label")
    label = {"column": label} if isinstance(label, str) else label
    split = _chosen("split", said.pop("split", "at_random"), SPLITS)
    return _made(
        Schema,
        "schema",
        said
        | {
            "columns": tuple(map(_column, entries)),
            "label": _made(Label, "label", _mapping("label", label)),
            "split": split,
        },
    )


def discretization_text(buckets: Discretization) -> Any:
    """A discretisation as it stands in YAML or JSON."""
    return _chosen_text(buckets, BUCKETS)


def parse_discretization(said: Any) -> Discretization:
    """The inverse of `discretization_text`."""
    return _chosen("buckets", said, BUCKETS)


def _column(entry: Any) -> Column:
    said = dict({"name": entry} if isinstance(entry, str) else _mapping("a field", entry))
    at = f"field {said.get('name')!r}"
    if "source" in said:
        raise UserError(f"{at}: what it is made of is called 'column'")
    if "column" in said:
        _check_type(f"{at}: column", said["column"], "str | None")
        said["source"] = said.pop("column")
    if said.get("buckets") is not None:
        said["buckets"] = _chosen(f"{at}: buckets", said["buckets"], BUCKETS)
    for key, known in (("kind", Kind), ("calendar", Calendar)):
        if key in said:
            said[key] = _member(f"{at}: {key}", said[key], known)
    return _made(Column, at, said)


def _chosen(what: str, said: Any, known: Mapping[str, type[Chosen]]) -> Chosen:
    """One of several classes: its name, or its name with its settings."""
    said = {said: {}} if isinstance(said, str) else said
    if not isinstance(said, dict) or len(said) != 1 or next(iter(said)) not in known:
        raise UserError(f"{what}: wanted one of {', '.join(known)}, got {str(said)[:60]!r}")
    (name, settings), = said.items()
    return _made(known[name], f"{what} {name}", _mapping(f"{what} {name}", settings or {}))


def _chosen_text(chosen: Any, known: Mapping[str, type]) -> Any:
    name = next(name for name, one in known.items() if type(chosen) is one)
    settings = {key: _plain(value) for key, value in asdict(chosen).items()}
    return {name: settings} if settings else name


def _made(cls: type[Chosen], what: str, said: Mapping[str, Any]) -> Chosen:
    known = {field.name for field in fields(cls)}  # type: ignore[arg-type]
    if unknown := sorted(set(map(str, said)) - known):
        raise UserError(f"{what}: {unknown[0]!r} is not known here; it has {', '.join(known)}")
    values = {}
    for field in fields(cls):  # type: ignore[arg-type]
        if field.name in said:
            value = said[field.name]
            values[field.name] = tuple(value) if isinstance(value, list) else value
            _check_type(f"{what}: {field.name}", values[field.name], str(field.type))
        elif field.default is MISSING:
            raise UserError(f"{what}: {field.name!r} is missing")
    return cls(**values)


def _check_type(what: str, value: Any, annotation: str) -> None:
    """Refuse a text for a number and the like; ``annotation`` is as written in the class."""
    kinds: dict[str, Any] = {"int": int, "float": (int, float), "str": str, "bool": bool}
    names = [name.strip() for name in annotation.split("|")]
    wanted = [name for name in names if name in kinds]
    if not wanted or (value is None and "None" in names):
        return
    is_bool = isinstance(value, bool)
    if not any(isinstance(value, kinds[name]) and is_bool == (name == "bool") for name in wanted):
        raise UserError(f"{what} must be {' or '.join(wanted)}, got {str(value)[:40]!r}")


def _member(what: str, said: Any, known: type[Enum]) -> Any:
    values = [member.value for member in known]
    if said not in values:
        raise UserError(f"{what} must be one of {', '.join(values)}, got {str(said)[:40]!r}")
    return known(said)


def _mapping(what: str, said: Any) -> Mapping[str, Any]:
    if not isinstance(said, dict):
        raise UserError(f"{what}: wanted entries 'name: value', got {str(said)[:60]!r}")
    return said


def _differing(obj: Any, skip: tuple[str, ...]) -> dict[str, Any]:
    return {
        field.name: _plain(value)
        for field in fields(obj)
        if field.name not in skip and (value := getattr(obj, field.name)) != field.default
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    return list(value) if isinstance(value, tuple) else value
