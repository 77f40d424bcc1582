"""Selectors and backbones by their names on the command line, and numbers of fields."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import recsys.models
from graphforget.core.errors import UserError
from recsys.board.aukc import check_grid
from recsys.board.selectors import presets, selector_classes, title
from recsys.models import Backbone
from recsys.select import Selector

ALL = "all"
MODEL = "--model"


def selectors_named(chosen: str | Sequence[Selector]) -> dict[str, Selector]:
    """Selectors by what tables call them.

    Args:
        chosen: ``all``, names with commas between them such as ``Lasso,Lasso:BENCHMARK``, or
            selectors.

    Raises:
        UserError: for a name that is not there, or one that is given twice.

    >>> list(selectors_named("Lasso,Lasso:BENCHMARK"))
    ['Lasso', 'Lasso:BENCHMARK']
    """
    if isinstance(chosen, str):
        known = selector_classes()
        names = list(known) if chosen.strip().lower() == ALL else listed(chosen, "--selectors")
        chosen = [_selector(name, known) for name in names]
    found: dict[str, Selector] = {}
    for selector in chosen:
        name = title(selector)
        if name in found:
            raise UserError(f"--selectors: {name} is given twice; give it once")
        found[name] = selector
    if not found:
        raise UserError("--selectors: wanted names with commas between them, or all; got none")
    return found


def _selector(name: str, known: dict[str, type[Selector]]) -> Selector:
    wanted, _, preset = name.partition(":")
    cls = _among(wanted, known, "--selectors")
    if not preset:
        return cls()
    return _among(preset, presets(cls), f"--selectors {cls.__name__}")


def backbone_classes() -> dict[str, type[Backbone]]:
    """The backbones that the package exports, by name."""
    exported = {name: getattr(recsys.models, name) for name in recsys.models.__all__}
    return {name: cls for name, cls in exported.items()
            if isinstance(cls, type) and issubclass(cls, Backbone) and cls is not Backbone}


def backbones_named(chosen: str | Sequence[Backbone], option: str = "--models") -> list[Backbone]:
    """Backbones of names with commas between them; upper and lower case are alike.

    Raises:
        UserError: for a name that is not there, or one that is given twice: tables call a backbone
            by its class.
    """
    if isinstance(chosen, str):
        known = backbone_classes()
        chosen = [_among(name, known, option)() for name in listed(chosen, option)]
    names = [type(one).__name__ for one in chosen]
    if twice := [name for name in names if names.count(name) > 1]:
        raise UserError(f"{option}: {twice[0]} is given twice; give it once")
    return list(chosen)


def spelled_out(words: Sequence[str]) -> list[str]:
    """The words of a command with the backbone after ``--model`` named by its class.

    >>> spelled_out(["--model", "deepfm", "--out", "deepfm"]), spelled_out(["--model=DEEPFM"])
    (['--model', 'DeepFM', '--out', 'deepfm'], ['--model=DeepFM'])
    """
    names = {name.lower(): name for name in backbone_classes()}
    found, before = [], ""
    for word in words:
        option, is_joined, value = word.partition("=")
        if before == MODEL:
            word = names.get(word.lower(), word)
        elif option == MODEL and is_joined:
            word = f"{MODEL}={names.get(value.lower(), value)}"
        found.append(word)
        before = word
    return found


def grid_named(text: str, count: int) -> tuple[int, ...]:
    """Numbers of fields: ``1..n``, ``5,10,n`` or both; ``n`` is how many the table has.

    Raises:
        UserError: for another text, and for what is not between 1 and the number of fields.

    >>> grid_named("1..3,n", 13), grid_named("n", 4)
    ((1, 2, 3, 13), (4,))
    """
    found: list[int] = []
    for part in listed(text, "--k"):
        match = re.fullmatch(r"(\d{1,6}|n)(?:\.\.(\d{1,6}|n))?", part)
        if match is None:
            raise UserError(f"--k: wanted numbers of fields such as 1..n or 5,10,n, got {part!r}")
        ends = match[1], match[2] or match[1]
        first, last = (count if end == "n" else int(end) for end in ends)
        if last > count or first > count:
            raise UserError(
                f"--k: the table has {count} fields, got {part!r}; ask for at most {count}, or n"
            )
        found += range(first, last + 1)
    try:
        return check_grid(found, count)
    except UserError as error:
        raise UserError(f"--{error}") from error


def seeds_named(text: str) -> tuple[int, ...]:
    """Whole numbers with commas between them.

    >>> seeds_named("0,1,2")
    (0, 1, 2)
    """
    words = listed(text, "--seeds")
    if not all(re.fullmatch(r"\d{1,9}", word) for word in words) or len(set(words)) < len(words):
        raise UserError(f"--seeds: wanted whole numbers, each once, such as 0,1,2, got {text!r}")
    return tuple(map(int, words))


def listed(text: str, option: str) -> list[str]:
    """The words between commas.

    Raises:
        UserError: if there are none, or one is empty.
    """
    words = [word.strip() for word in str(text).split(",")]
    if not all(words):
        raise UserError(f"{option}: wanted names with commas between them, got {text!r}")
    return words


def _among(name: str, known: dict[str, Any], option: str) -> Any:
    """What a name stands for, upper and lower case alike."""
    plain = {key.lower(): value for key, value in known.items()}
    key = name.lower()
    if key not in plain:
        raise UserError(f"{option}: there is no {name!r}; there are {', '.join(known) or 'none'}")
    return plain[key]
