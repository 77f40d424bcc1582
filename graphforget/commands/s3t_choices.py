"""What a plan is told by files: public ids, how likely slices are hit, orders of one's own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from jsonargparse import ArgumentParser, Namespace

from graphforget.core.errors import UserError
from graphforget.exact.orders import Order, checked_prior, matched_orders, sampled_orders
from graphforget.exact.orders import spaced_rotations as spaced
from graphforget.exact.plan import Path as StagePath
from graphforget.exact.plan import Plan, after_public
from graphforget.exact.subsets import chosen_subsets

Number = TypeVar("Number", int, float)


@dataclass(frozen=True)
class Choices:
    """The content of the files.

    Args:
        public: ids that are never asked back.
        prior: probability that a deletion falls in each slice, shape ``(L,)``.
        orders: of the slices.
    """

    public: tuple[int, ...] = ()
    prior: tuple[float, ...] | None = None
    orders: tuple[Order, ...] | None = None


def add_choices(options: ArgumentParser) -> None:
    """Add the files that `choices_of` reads."""
    options.add_argument(
        "--public", type=Path, default=None,
        help="file of ids that are never asked back, such as consented ones: they get slice 0 of "
        "every shard to themselves, and all stages begin with it",
    )
    options.add_argument(
        "--prior", type=Path, default=None,
        help="file of one number a slice, in sum 1: how likely a deletion falls in it; orders or "
        "subsets are chosen by it. With --public the first number is 0",
    )
    options.add_argument(
        "--orders-file", type=Path, default=None,
        help="file of orders of your own instead of rotations, one a line, such as 0 2 1",
    )


def choices_of(options: Namespace) -> Choices:
    """Read the files.

    Raises:
        UserError: naming the file and what is wrong with it.
    """
    public, prior, orders = options.public, options.prior, options.orders_file
    if prior is not None:
        risk = tuple(number for line in _lines(prior, float, "numbers") for number in line)
        try:
            checked_prior(risk)
        except UserError as error:
            raise UserError(f"{prior}: {error}") from None
    return Choices(
        tuple(id for line in _lines(public, int, "ids") for id in line) if public else (),
        risk if prior else None,
        tuple(_lines(orders, int, "slices")) if orders else None,
    )


def chosen(
    plan: Plan, choices: Choices, orders: int | None = None, cost: float | None = None
) -> Plan:
    """A plan of the same sizes, as the files would have it.

    Args:
        plan: says how many shards and slices, and whether stages are chained.
        choices: from the files.
        orders: how many; by default one for each slice that is not public.
        cost: of a plan of chosen subsets; None for other plans.

    Raises:
        UserError: naming the option, if they do not fit each other or the plan.

    >>> chosen(Plan.chains(1, 3, orders=3), Choices(prior=(0.1, 0.6, 0.3)), orders=1).paths
    ((0, 2, 1),)
    >>> chosen(Plan.chains(1, 3, orders=3), Choices(public=(7,))).paths
    ((0, 1, 2), (0, 2, 1))
    """
    placement = replace(plan.placement, public=choices.public)
    if choices.orders is not None:
        if not plan.chained:
            raise UserError("--orders-file: is for chains of stages; leave it out with subsets")
        if orders is not None:
            raise UserError("--orders: the file has orders already; leave out one of the two")
        return Plan(placement, choices.orders, chained=True)
    risk = _private_risk(plan, choices)
    private = plan.slices - bool(choices.public)
    paths: tuple[StagePath, ...]
    if plan.chained:
        paths = _orders(private, private if orders is None else orders, risk)
    elif cost is not None:
        paths = chosen_subsets(private, cost, prior=risk)
    elif risk is not None:
        raise UserError("--prior: the beginnings of one order are not chosen; leave it out")
    else:
        return Plan(placement, plan.paths, chained=False)
    if choices.public:
        paths = after_public(paths) if plan.chained else (*after_public(paths), (0,))
    return Plan(placement, paths, plan.chained)


def check_public(public: tuple[int, ...], nodes: int) -> None:
    """Raise a `UserError` if public ids are none of the nodes'."""
    if public and max(public) >= nodes:
        raise UserError(f"--public: wanted ids below {nodes}, got {max(public)}; ids count from 0")


def _private_risk(plan: Plan, choices: Choices) -> tuple[float, ...] | None:
    prior = choices.prior
    if prior is not None and len(prior) != plan.slices:
        raise UserError(
            f"--prior: wanted one number for each of {plan.slices} slices, got {len(prior)}"
        )
    if prior is None or not choices.public:
        return prior
    if prior[0] != 0:
        raise UserError(
            f"--prior: wanted 0 for the public slice, the first one, got {prior[0]:g}"
        )
    return prior[1:]


def _orders(slices: int, count: int, risk: tuple[float, ...] | None) -> tuple[Order, ...]:
    if risk is None:
        return spaced(slices, count)
    return matched_orders(risk, count) if count <= slices else sampled_orders(risk, count, seed=0)


def _lines(path: Path, kind: type[Number], what: str) -> list[tuple[Number, ...]]:
    """The numbers in each line of a file; empty lines are passed over."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: wanted a file of {what}, it cannot be read ({error})") from None
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.replace(",", " ").split()
        try:
            found += [tuple(map(kind, words))] if words else []
        except ValueError:
            raise UserError(
                f"{path}, line {number}: wanted {what} with spaces or commas between them, got "
                f"{line[:60]!r}"
            ) from None
        if found and min(found[-1]) < 0:
            raise UserError(f"{path}, line {number}: wanted {what} from 0, got {min(found[-1])}")
    if not found:
        raise UserError(f"{path}: wanted {what}, got an empty file; leave the option out for none")
    return found
