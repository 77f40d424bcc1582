"""The two audits: a quick one of a single run for every day, a full one of a method for claims."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace

from torch_geometric.data import Data

from graphforget.audit.compare import compare
from graphforget.audit.cost import Cost, Meter
from graphforget.audit.ensemble import fit_many
from graphforget.audit.findings import AuditReport
from graphforget.audit.measures import Arms
from graphforget.core.errors import Refused, UserError
from graphforget.protocols import Learner, Outcome, Unlearner
from graphforget.request import ForgetRequest
from graphforget.task import Task
from graphforget.trained import Trained

ORACLE_SEEDS = 10_000  # seeds of retrained models, away from those of originals
FLOOR_SEEDS = 20_000
REHEARSAL = 20  # epochs of the training that a method is asked about before all others


def quick_audit(outcome: Outcome, floor: Trained | None = None, seed: int = 0) -> AuditReport:
    """Judge one run against two retrained models, which are trained here if they are not given.

    Two retrained models show roughly how large noise is, not how it is distributed, and a
    population attack is blind to single items: good enough for every day, not for claims. Tried
    on a graph of 120 nodes it turned down one honest retraining in six, the full audit with 6
    models one in 28; larger graphs make less noise.

    Args:
        outcome: the run.
        floor: a second retrained model.
        seed: seed of the retrained models and of what is sampled.

    Raises:
        UserError: if a retrained model is needed and the run does not say how it was trained, or
            the method does not remove what was named.
    """
    before, request, costs = outcome.before, outcome.request, {}
    for step in outcome.after.history[len(before.history) :]:
        _check_removes(step.unlearner)
    oracle = outcome.oracle
    if oracle is None:
        with Meter() as meter:
            oracle = _retrain(before, request, ORACLE_SEEDS + seed)
        costs["retrain"] = meter.cost
    if floor is None:
        floor = _retrain(before, request, FLOOR_SEEDS + seed)
    outcome = replace(outcome, oracle=oracle)
    arms = Arms([before], [outcome.after], [oracle], [floor])
    return compare("quick", outcome, arms, costs, seed, at_most=5000)


def full_audit(
    unlearner: Unlearner,
    learner: Learner,
    data: Data,
    task: Task,
    request: ForgetRequest,
    models: int = 16,
    seed: int = 0,
    at_most: int = 2000,
) -> AuditReport:
    """Judge a method: many independent runs against two samples of retrained models.

    ``models`` originals, each unlearned once with a seed of its own, and twice as many retrained
    models. 16 to 24 an arm find a shift of one standard deviation (evaluation.md 4.3).

    Args:
        unlearner: the method.
        learner: how originals and retrained models are trained.
        data: the graph with the items to forget.
        task: what the models are for.
        request: what is forgotten.
        models: models an arm, at least 4.
        seed: seed of it all.
        at_most: items looked at in each region.

    Raises:
        UserError: for fewer than 4 models, or a method that does not remove what was named.
        Refused: if the method cannot carry the request out; it is asked before the training.
    """
    if models < 4:
        raise UserError(f"full audit: wanted at least 4 models an arm, got {models}")
    request.check(data, missing=True)
    _check_removes(unlearner)
    _ask_first(unlearner, learner, data, task, request, seed)
    seeds = range(seed, seed + models)
    originals = fit_many(learner, data, task, seeds)
    with Meter() as forgetting:
        after = [unlearner(each, request, each.seed, missing=True) for each in originals]
    retained = request.retained(data)
    with Meter() as retraining:
        first = learner.fit(retained, task, ORACLE_SEEDS + seed)
    oracles = [first, *fit_many(learner, retained, task, [ORACLE_SEEDS + s for s in seeds[1:]])]
    floors = fit_many(learner, retained, task, [FLOOR_SEEDS + s for s in seeds])
    costs = {"forget": _each(forgetting.cost, models), "retrain": retraining.cost}
    outcome = Outcome(originals[0], after[0], request, costs["forget"].seconds, oracles[0])
    arms = Arms(originals, after, oracles, floors)
    return compare("full", outcome, arms, costs, seed, at_most)


def _check_removes(unlearner: Unlearner) -> None:
    if not unlearner.removes:
        raise UserError(
            f"audit: {type(unlearner).__name__} leaves what was named in the data, so retraining "
            "without it is no measure; compare test accuracies, with "
            "graphforget.audit.knowledge_recovery where there is a clean model"
        )


def _ask_first(
    unlearner: Unlearner,
    learner: Learner,
    data: Data,
    task: Task,
    request: ForgetRequest,
    seed: int,
) -> None:
    """Raise `Refused` before all training but a short one if the method refuses the request.

    What a method needs of a run, such as an optimiser's state, a short training leaves as well.
    """
    if is_dataclass(learner) and any(each.name == "epochs" for each in fields(learner)):
        learner = replace(learner, epochs=min(learner.epochs, REHEARSAL))
    reason = unlearner.supports(learner.fit(data, task, seed), request)
    if reason is not None:
        raise Refused(f"{type(unlearner).__name__}: {reason}")


def _retrain(before: Trained, request: ForgetRequest, seed: int) -> Trained:
    if before.learner is None:
        raise UserError(
            "audit: wanted a retrained model to compare with, and the run does not say how it was "
            "trained; pass the retrained model, or wrap the original with its learner"
        )
    return before.learner.fit(request.retained(before.data), before.task, before.seed + seed)


def _each(cost: Cost, models: int) -> Cost:
    return replace(cost, seconds=cost.seconds / models, cpu_seconds=cost.cpu_seconds / models)
