"""Request files: JSON in and out, with every malformed input refused in one line."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from graphforget.core.errors import UserError
from graphforget.request import ForgetRequest

LARGEST_FILE = 64 * 2**20  # bytes: about four million edges
KEYS = tuple(field.name for field in fields(ForgetRequest))


def to_json(request: ForgetRequest) -> str:
    """The request as one line of JSON, optional fields left out where they are not set.

    >>> to_json(ForgetRequest("node", (1, 3), id="req-001"))
    '{"kind": "node", "index": [1, 3], "id": "req-001"}'
    """
    return json.dumps({key: value for key, value in asdict(request).items() if value is not None})


def from_json(text: str, source: str = "request") -> ForgetRequest:
    """Read one request from a JSON object.

    Args:
        text: the JSON text.
        source: what to call it in an error, such as ``queue.jsonl line 3``.

    Raises:
        UserError: for anything but an object with ``kind``, ``index`` and the optional keys.

    >>> from_json('{"kind": "class", "index": [2]}').index
    (2,)
    """
    try:
        content = json.loads(
            text, object_pairs_hook=_unique_keys, parse_constant=_refuse_constant
        )
    except RecursionError:
        raise UserError(f"{source}: wanted a flat request, got JSON nested too deeply") from None
    except json.JSONDecodeError as error:
        raise UserError(
            f"{source}: wanted JSON, got a syntax error at line {error.lineno} column "
            f"{error.colno} ({error.msg})"
        ) from None
    except ValueError as error:
        raise UserError(f"{source}: {error}") from None
    if not isinstance(content, dict):
        raise UserError(
            f"{source}: wanted a JSON object with kind and index, got {_kind_of(content)}; write "
            "several requests as one object a line"
        )
    unknown = sorted(set(content) - set(KEYS))
    if unknown:
        raise UserError(f"{source}: unknown key {unknown[0]!r}; a request has {', '.join(KEYS)}")
    absent = [key for key in ("kind", "index") if key not in content]
    if absent:
        raise UserError(f"{source}: key {absent[0]!r} is missing; a request needs kind and index")
    if not isinstance(content["kind"], str):
        raise UserError(f"{source}: kind: wanted text, got {_kind_of(content['kind'])}")
    try:
        return ForgetRequest(**content)
    except UserError as error:
        raise UserError(f"{source}: {error}") from None


def read_requests(path: str | Path) -> list[ForgetRequest]:
    """Read a request file: one JSON object, or a queue with one object a line.

    Args:
        path: the file.

    Raises:
        UserError: naming the file, and the line in a queue, if any request in it is malformed.
            A queue is read whole before anything is returned, so nothing is half done.
    """
    text = _read_text(Path(path))
    lines = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    if not lines:
        raise UserError(f"{path}: wanted a request, got an empty file")
    if len(lines) == 1 or not _opens_and_closes(lines[0][1]):
        return [from_json(text, source=str(path))]
    return [from_json(line, source=f"{path} line {number}") for number, line in lines]


def _read_text(path: Path) -> str:
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise UserError(f"{path}: wanted at most 64 MiB of requests; split the queue")
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path}: wanted UTF-8 text, got byte {error.object[error.start]:#04x} at position "
            f"{error.start}; save the file as UTF-8"
        ) from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); check the path") from None


def _opens_and_closes(line: str) -> bool:
    """Whether a line is an object of its own, and so the file a queue."""
    return line.strip().startswith("{") and line.strip().endswith("}")


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content: dict[str, Any] = {}
    for key, value in pairs:
        if key in content:
            raise ValueError(f"key {key!r} stands twice; write it once")
        content[key] = value
    return content


def _refuse_constant(name: str) -> None:
    raise ValueError(f"wanted finite numbers, got {name}")


def _kind_of(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "text", bool: "true or false"}
    names |= {int: "a number", float: "a number", type(None): "null"}
    return names[type(value)]
