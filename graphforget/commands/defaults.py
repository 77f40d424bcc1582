"""A class that an option names starts from its own defaults.

jsonargparse lets a newly named class keep the values of the one it replaces wherever both have a
field of that name, even if nobody gave them: ``--method SCRUB`` would get the default method's
``alpha``. Here the classes that were named become the parser's defaults, with fields as they come,
and the words are read again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jsonargparse import ArgumentParser, Namespace

PRINTS = "--print_config"


def named_classes_as_defaults(parser: ArgumentParser, words: Sequence[str]) -> None:
    """Make the classes that ``words`` name the parser's defaults, at any depth.

    Args:
        parser: changed in place.
        words: of the command line; what they print and end with is left for the real parsing.

    Raises:
        ArgumentError: as `parser.parse_args`.
    """
    quiet = [word for word in words if word.partition("=")[0] != PRINTS]
    if any(word in ("-h", "--help") or word.partition("=")[0].endswith(".help") for word in quiet):
        return
    for _ in range(10):  # one level of fields within fields a round
        before, now = parser.get_defaults(), parser.parse_args(quiet)
        changed = {
            name: fresh
            for name in list(vars(before))
            if (fresh := _fresh(before.get(name), now.get(name))) is not None
        }
        if not changed:
            return
        parser.set_defaults(changed)


def _fresh(default: Any, chosen: Any) -> dict[str, Any] | None:
    """The default with the first class that differs replaced, its fields left open; or None."""
    if not (_is_class(default) and _is_class(chosen)):
        return None
    if default.class_path != chosen.class_path:
        return {"class_path": chosen.class_path}
    fields = default.get("init_args") or Namespace()
    for name, value in vars(chosen.get("init_args") or Namespace()).items():
        inner = _fresh(fields.get(name), value)
        if inner is not None:
            given = fields.as_dict() | {name: inner}
            return {"class_path": default.class_path, "init_args": given}
    return None


def _is_class(value: Any) -> bool:
    return isinstance(value, Namespace) and isinstance(value.get("class_path"), str)
