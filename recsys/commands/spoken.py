"""Requests in the words of whoever asks: names instead of numbers, and draws from click logs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from graphforget.core.errors import UserError
from graphforget.data.draw import draw
from graphforget.request import ForgetRequest
from recsys.audit.forget_sets import count_of
from recsys.click_log import ClickLog
from recsys.interactions import Interactions


def numbered(request: ForgetRequest, data: Any) -> ForgetRequest:
    """A request whose users and items are called as in the data set, by their numbers.

    Args:
        request: of kind ``user``, ``item`` or ``interaction``, whose ids are names. Names that
            are no whole numbers do not fit into a request file.
        data: a log that knows what its users and items are called.

    Raises:
        UserError: for names that are not there, and data that know none.
    """
    if not isinstance(data, Interactions) or "node_id" not in data:
        raise UserError("--names: the run does not know what its users and items are called")
    sides = {"user": (0,), "item": (1,), "interaction": (0, 1)}.get(request.kind)
    if sides is None:
        raise UserError(f"--names: a log can forget user, item or interaction, got {request.kind}")
    tables = [{str(name): at for at, name in enumerate(data.names[side])} for side in sides]

    def number(side: int, name: Any) -> int:
        if str(name) not in tables[side]:
            what = ("user", "item")[sides[side]]
            raise UserError(f"{request.kind} request: no {what} of the log is called {name}")
        return tables[side][str(name)]

    if len(sides) == 1:
        return replace(request, index=tuple(number(0, name) for name in request.index))
    pairs = tuple((number(0, user), number(1, item)) for user, item in request.index)
    return replace(request, index=pairs)


def sampled_clicks(text: str, data: ClickLog, seed: int) -> ForgetRequest:
    """Draw users or items of a click log who have training rows: ``users:5%``, ``items:3``.

    Raises:
        UserError: for another text, or more than there are.
    """
    kind, _, count = text.strip().lower().partition(":")
    places = {"users": data.row_user[data.train_mask] - 1, "items": data.row_item[data.train_mask]}
    if kind not in places:
        raise UserError(
            f"sample {text[:80]!r} is not understood; wanted users:AMOUNT or items:AMOUNT of a "
            "click log, AMOUNT being 5% or 100"
        )
    there = places[kind].unique()
    there = there[there > (-1 if kind == "users" else 0)]
    chosen = draw(there, count_of(count, len(there), text), seed, kind)
    return ForgetRequest(kind[:-1], chosen)
