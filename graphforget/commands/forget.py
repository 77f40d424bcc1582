"""``graphforget forget``: carry out requests on a run and write a new run without them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from jsonargparse import ArgumentParser, Namespace

from graphforget.commands.devices import add_device, device_named, placed
from graphforget.commands.parsing import Seed, class_named, new_parser
from graphforget.commands.progress import steps_shown
from graphforget.commands.requests import as_file, asked_for, in_order
from graphforget.commands.runs import (
    load_run,
    reference_to,
    refuse_taken,
    remember,
    write_run,
)
from graphforget.commands.screen import listing, note, show
from graphforget.core.errors import Refused, UserError
from graphforget.data.sample_text import GRAMMAR
from graphforget.protocols import Unlearner
from graphforget.request import ForgetRequest
from graphforget.trained import Trained

DEFAULT = "D2DGN"


def parser() -> ArgumentParser:
    """Options of the verb."""
    options = new_parser(
        "forget",
        "Carry out requests on a run and write a new run, in which what they name is absent. "
        "Several requests are carried out in order.",
    )
    options.add_argument("run", type=Path, help="run folder of train or forget; it is only read")
    options.add_argument(
        "--request", type=Path, default=None, help="JSON file: one request, or one a line"
    )
    options.add_argument(
        "--sample", type=texts, action="append", default=None,
        help="draw a request instead; may be given several times: "
        f"{GRAMMAR.replace('%', '%%')}",
    )
    options.add_argument(
        "--method", type=Unlearner, default=class_named(DEFAULT),
        help="how to forget, see graphforget methods; its fields are options, such as "
        "--method.alpha 0.5",
    )
    options.add_argument("--seed", type=Seed, default=0, help="of the sample and the method")
    options.add_argument("--sample_seed", type=Seed, default=None, help="of the sample alone")
    options.add_argument(
        "--missing", type=Literal["error", "ignore"], default="error",
        help="what to do about edges and other things named that are not in the graph",
    )
    options.add_argument(
        "--no-data", action="store_true",
        help="keep a reference to the original run and a digest instead of the graph",
    )
    add_device(options)
    options.add_argument("--out", type=Path, required=True, help="run folder to write")
    options.add_argument(
        "--replace", action="store_true", help="take the place of a run folder that is there"
    )
    return options


def run(options: Namespace) -> int:
    """Draw or read the requests, carry them out, write the new run and print what came of it."""
    device = device_named(options.device)
    before = opened(options)
    seed = options.seed if options.sample_seed is None else options.sample_seed
    samples = [options.sample] if isinstance(options.sample, str) else options.sample or []
    asked = asked_for(options.request, samples, before, seed)
    return done(options, placed(before, device), asked)


def opened(options: Namespace) -> Trained:
    """The run to forget from, once it is known that what comes of it can be written."""
    refuse_taken(options.out, options.replace)
    if options.replace and options.out.resolve() == options.run.resolve():
        raise UserError(f"{options.out}: is the run to forget from; choose another --out")
    if options.no_data and not options.method.removes:
        raise UserError(
            f"--no-data: what {type(options.method).__name__} leaves of the graph does not follow "
            "from the requests; keep the graph in the run"
        )
    return load_run(options.run)


def done(options: Namespace, before: Trained, asked: Sequence[ForgetRequest]) -> int:
    """Check all requests, carry them out, write the new run and print what came of it.

    Args:
        options: of the verb.
        before: the run, on the device to work on.
        asked: the requests.
    """
    requests = list(in_order(asked, before.data, options.missing))
    if not requests:
        raise UserError("nothing that is named is in the graph, so there is nothing to forget")
    after, seconds = carried_out(requests, before, options.method, options.seed)
    scores = after.task.evaluate(after.model, after.data)
    metrics: dict[str, Any] = {
        **scores,
        "seconds": seconds,
        "parent": reference_to(options.run, before, options.out),
    }
    write_run(
        after,
        options.out,
        metrics,
        files={"request.json": as_file(requests)},
        with_data=not options.no_data,
        replace=options.replace,
    )
    remember(options.run, options.out, "run")
    told = [
        {"digest": one.digest, "kind": one.kind, "size": one.size, "id": one.id}
        for one in requests
    ]
    what = "\n".join(f"  {one.size} of kind {one.kind}" for one in requests)
    show(
        {"run": str(options.out), "requests": told, "metrics": metrics},
        f"forgot by {after.history[-1].unlearner!r}\n{what}\nnew run folder {options.out}\n"
        f"{listing({**scores, 'seconds': seconds})}",
        options.json,
    )
    if len(asked) > len(requests):
        note(f"{len(asked) - len(requests)} requests name nothing that is there: passed over")
    return 0


def texts(value: Any) -> Any:
    """A text from the command line, or the list of texts that a configuration file has."""
    if isinstance(value, str) or (
        isinstance(value, list) and all(isinstance(text, str) for text in value)
    ):
        return value
    raise ValueError(f"wanted a text such as nodes:5%, or a list of them, got {value!r:.60}")


def carried_out(
    requests: Sequence[ForgetRequest], trained: Trained, method: Unlearner, seed: int
) -> tuple[Trained, float]:
    """Forget one request after the other; returns the last model and the seconds of forgetting.

    Raises:
        Refused: with the reason, before any work where it can be known.
    """
    for request in requests:
        reason = method.supports(trained, request)
        if reason is not None:
            raise Refused(f"{type(method).__name__}: {reason}")
    seconds = 0.0
    with steps_shown("forgetting"):
        for request in requests:
            started = time.perf_counter()
            trained = method(trained, request, seed)
            seconds += time.perf_counter() - started
    return trained, seconds
