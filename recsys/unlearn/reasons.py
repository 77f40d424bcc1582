"""Reasons to refuse a request for a ranking, in words that a person can act on."""

from __future__ import annotations

from graphforget.request import ForgetRequest
from graphforget.trained import Trained
from graphforget.unlearn.reasons import no_learner, nothing_learned, nothing_left
from recsys.learn.pairwise import PairwiseLearner
from recsys.task import Ranking


def not_by_pairs(trained: Trained, request: ForgetRequest) -> str | None:
    """The model was not trained by descent on pairs, or the request takes all or none of them."""
    if reason := no_learner(trained):
        return reason
    if not isinstance(trained.task, Ranking):
        return (
            f"the task is {type(trained.task).__name__}, and this method works on the pairs of a "
            "Ranking; see graphforget.unlearn for methods that fit other tasks"
        )
    if not isinstance(trained.learner, PairwiseLearner):
        return (
            f"{type(trained.learner).__name__} did not train by descent on pairs, so there is no "
            "gradient of theirs to go by; use Retrain, or the exact deletion of its own"
        )
    return nothing_left(trained, request) or nothing_learned(trained, request)
