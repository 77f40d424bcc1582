"""``graphforget methods``: what unlearning methods there are and what each supports."""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jsonargparse import ArgumentParser, Namespace
from torch_geometric.data import Data

from graphforget import exact, learn, nn, unlearn
from graphforget.commands.classes import plugins
from graphforget.commands.parsing import new_parser
from graphforget.commands.presets import presets
from graphforget.commands.screen import columns, show
from graphforget.core.errors import UserError
from graphforget.data.split import split_links
from graphforget.protocols import Learner, Unlearner
from graphforget.request import ForgetRequest
from graphforget.task import LinkPrediction, NodeClassification
from graphforget.trained import Trained
from graphforget.unlearn.relabel import Relabel

KINDS = ("edge", "node", "feature", "class")


@dataclass(frozen=True)
class Method:
    """What there is to know about a method before using it.

    Args:
        name: its class, as ``--method`` takes it.
        exact: whether the result is distributed as if the data had never been there.
        supports: kinds of requests by task.
        says: the first sentence of its documentation.
        paper: where it is from, if it is from somewhere.
        settings: its fields and their defaults.
    """

    name: str
    exact: bool
    supports: dict[str, list[str]]
    says: str
    paper: str | None
    settings: str


def parser() -> ArgumentParser:
    """Options of the verb."""
    return new_parser("methods", "List the unlearning methods and what each supports.")


def run(options: Namespace) -> int:
    """Ask every method and print a table."""
    runs = {"node": _small_nodes(), "link": _small_links()}
    found = [described(method, runs) for method in installed()]
    head = ["method", "exact", "node task forgets", "link task forgets", "paper"]
    rows = [
        [one.name, "yes" if one.exact else "no", *(_kinds(one, task) for task in runs),
         one.paper or ""]
        for one in found
    ]
    says = "\n".join(f"  {one.name}: {one.says}\n    {one.settings}" for one in found)
    named = "\n".join(f"  {name}: {preset!r}" for name, preset in presets().items())
    show(
        {
            "methods": [vars(one) for one in found],
            "presets": {name: repr(preset) for name, preset in presets().items()},
        },
        f"{columns([head, *rows])}\n\n{says}\n\nnamed settings, for --method as well\n{named}",
        options.json,
    )
    return 0


def installed() -> list[type[Unlearner]]:
    """The methods that the package exports, the one for labels, and those of plug-ins."""
    exported = [getattr(home, name) for home in (unlearn, exact) for name in home.__all__]
    offered = [*exported, Relabel, *plugins()]
    methods = [one for one in offered if isinstance(one, type) and issubclass(one, Unlearner)]
    return sorted(methods, key=lambda method: method.__name__.lower())


def described(method: type[Unlearner], runs: dict[str, Trained]) -> Method:
    """Ask a method with its default settings what it supports on a small run of each task.

    One that is a learner too is asked about models of its own.
    """
    unlearner: Any = method()
    if isinstance(unlearner, Learner):
        runs = {task: _untrained(unlearner, trained) for task, trained in runs.items()}
    says = " ".join((inspect.getdoc(method) or "").split())
    return Method(
        name=method.__name__,
        exact=method.exact,
        supports={
            task: [kind for kind in KINDS if unlearner.supports(trained, _ask(kind)) is None]
            for task, trained in runs.items()
        },
        says=first_sentence(says),
        paper=paper(says),
        settings=repr(unlearner),
    )


def _untrained(learner: Learner, like: Trained) -> Trained:
    """A run of a learner before its training, or of another where it does not know the task."""
    try:
        model = learner.build(like.data, like.task, seed=0)
    except UserError:
        return like
    return Trained(model=model, data=like.data, task=like.task, learner=learner)


def first_sentence(text: str) -> str:
    """The first sentence, without the reference in brackets.

    >>> first_sentence("Keep every weight (UtU, Tan et al., WWW 2024). It costs nothing.")
    'Keep every weight.'
    """
    plain = re.sub(r"\s*\([^()]*\b(?:19|20)\d\d\b[^()]*\)", "", text)
    return re.split(r"(?<=[.:])\s+(?=[A-Z])", plain)[0]


def paper(text: str) -> str | None:
    """The first reference: what stands before a year, in brackets or at a sentence's start.

    >>> paper("Keep every weight (UtU, Tan et al., WWW 2024). It costs nothing.")
    'UtU, Tan et al., WWW 2024'
    >>> paper("Alternate steps. Kurmanji et al., Towards Unlearning, NeurIPS 2023, section 3.")
    'Kurmanji et al., Towards Unlearning, NeurIPS 2023'
    """
    found = re.search(r"(?:\(|(?<=\. ))([^().]*(?:et al\.|\band\b)[^().]*?\b(?:19|20)\d\d)\b", text)
    return found[1] if found else None


def _kinds(method: Method, task: str) -> str:
    return " ".join(method.supports[task]) or "-"


def _ask(kind: str) -> ForgetRequest:
    indices: dict[str, Sequence[Any]] = {"edge": [[0, 1]], "class": [1]}
    return ForgetRequest(kind, tuple(indices.get(kind, [0])))


def _small_nodes() -> Trained:
    data = _ring()
    place = torch.arange(20)
    data.train_mask, data.val_mask, data.test_mask = place % 3 == 0, place % 3 == 1, place % 3 == 2
    return _learner().fit(data, NodeClassification(2), seed=0)


def _small_links() -> Trained:
    data = split_links(_ring(), seed=0, val=0.3, test=0.1)
    data.edge_index = torch.cat([data.edge_index, torch.tensor([[0, 1], [1, 0]])], dim=1)
    return _learner().fit(data, LinkPrediction(out_channels=4), seed=0)


def _ring() -> Data:
    """A ring of twenty nodes with chords, two classes side by side."""
    node = torch.arange(20)
    one_way = torch.stack([node.repeat(2), torch.cat([(node + 1) % 20, (node + 5) % 20])])
    both = torch.cat([one_way, one_way.flip(0)], dim=1)
    return Data(x=torch.eye(20), edge_index=both, y=node // 10)


def _learner() -> learn.CrossEntropy:
    return learn.CrossEntropy(encoder=nn.GCN(hidden=4), epochs=4)
