"""Recommenders as the command line names them: ``bpr``, ``ease``, ``deepfm``."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from graphforget.core.errors import UserError
from graphforget.protocols import Learner, Unlearner
from graphforget.task import Task
from graphforget.trained import Trained
from graphforget.unlearn import D2DGN, Rewind
from recsys.commands.selectors import backbone_classes
from recsys.learn import BPRMF, EASE, ClickLearner, LightGCN, NeuralCF, WeightedMF
from recsys.task import ClickPrediction, Ranking
from recsys.unlearn import SISA, ALSDeletion, EASEDeletion, RecEraser, UltraRE, UserS3T

RANKERS: dict[str, type[Learner]] = {
    "bpr": BPRMF,
    "ease": EASE,
    "als": WeightedMF,
    "lightgcn": LightGCN,
    "ncf": NeuralCF,
    "s3t": UserS3T,
    "sisa": SISA,
    "receraser": RecEraser,
    "ultrare": UltraRE,
}
"""Learners of rankings, by what ``--model`` calls them; backbones are learners of clicks."""


def learner_named(learner: Learner, model: str | None) -> Learner:
    """The learner that ``--model`` names; settings that were given are kept where both have them.

    Args:
        learner: that of ``--learner``.
        model: one of `RANKERS`, or a backbone.

    Raises:
        UserError: for a model that is not there, settings that it does not have, or two learners.

    >>> learner_named(BPRMF(width=8), "lightgcn").width
    8
    >>> type(learner_named(BPRMF(), "DeepFM")).__name__
    'ClickLearner'
    """
    if model is None:
        return learner
    backbones = {name.lower(): cls for name, cls in backbone_classes().items()}
    wanted = model.lower()
    if wanted not in RANKERS and wanted not in backbones:
        raise UserError(
            f"--model: there is no {model!r}; there are {', '.join(RANKERS)}, and for clicks "
            f"{', '.join(backbones)}"
        )
    named: Any = RANKERS[wanted]() if wanted in RANKERS else ClickLearner(backbones[wanted]())
    if type(learner) is type(named):
        return learner
    if type(learner) is not BPRMF:
        raise UserError(
            f"--model {model}: --learner names {type(learner).__name__}; give one of both"
        )
    plain = BPRMF()
    given = {field.name: getattr(learner, field.name) for field in fields(plain)
             if getattr(learner, field.name) != getattr(plain, field.name)}
    known = {field.name for field in fields(named)}
    if unknown := sorted(set(given) - known):
        raise UserError(
            f"--learner.{unknown[0]}: {type(named).__name__} has no such setting; it has "
            f"{', '.join(sorted(known))}"
        )
    return replace(named, **given)


def task_of(learner: Learner) -> Task:
    """What a learner's models are asked."""
    if isinstance(learner, ClickLearner):
        return ClickPrediction()
    return Ranking(joint=learner.hidden if isinstance(learner, NeuralCF) else 0)


def own_method(trained: Trained, requests: int = 1) -> Unlearner:
    """How a run is forgotten from where nobody says how: exactly where its model can do that.

    Rewinding is the best dial between privacy and cost among those that fit all that descend
    (recsys_unlearning.md 5.6). It can be done once: snapshots hold what was forgotten and do not
    outlive it. D2DGN can be done again and again.
    """
    learner = trained.learner
    if isinstance(learner, EASE):
        return EASEDeletion()
    if isinstance(learner, WeightedMF):
        return ALSDeletion()
    if isinstance(learner, Unlearner):
        return learner
    return Rewind() if trained.snapshots and requests == 1 else D2DGN()
