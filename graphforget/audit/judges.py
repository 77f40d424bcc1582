"""The judges: each looks at one kind of evidence and says whether it is met, and why."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from graphforget.audit.slice import SPREADS, Slice
from graphforget.audit.verdict import Criterion
from graphforget.audit.weights import WeightChange
from graphforget.audit.words import IN_SENTENCES

SMALLEST_GAP = 0.01  # differences in utility below this are not worth a sentence
LARGEST_EXCESS = 0.2  # the interval of a membership excess has to rule out more than this
SATURATED = 0.9  # an attack that reaches this on unseen items has no room left for an excess


def judge_slices(slices: Mapping[str, Slice]) -> list[Criterion]:
    """One criterion a region: as close to retraining as retrained models are to each other."""
    return [
        Criterion(f"distance_{name}", part.passed, _slice_words(IN_SENTENCES[name], part))
        for name, part in slices.items()
    ]


def judge_utility(
    after: Mapping[str, float],
    oracle: Mapping[str, float],
    spread: Mapping[str, float],
    items: int = 0,
) -> list[Criterion]:
    """Test scores no lower than retraining's, recall of a forgotten class no higher.

    A score that the retrained model has no value for is not judged.

    Args:
        after: scores of the unlearned model, means over models.
        oracle: those of retrained models.
        spread: how far retrained models lie apart in each.
        items: number of test items, where one pair of retrained models has to show the noise;
            two standard errors of a share of them then pass too.
    """
    found = []
    for name in after:
        recall = name == "forgotten_class_recall"
        if not (recall or name.startswith("test_") or name == "other_classes_accuracy"):
            continue
        if math.isnan(oracle[name]):  # no test node of that class, so nothing can be asked
            continue
        gap = (after[name] - oracle[name]) * (1 if recall else -1)
        limit = max(SMALLEST_GAP, SPREADS * spread[name])
        if items:
            share = min(max(oracle[name], 0.0), 1.0)
            limit = max(limit, 2 * math.sqrt(share * (1 - share) / items), 1.5 / items)
        what = name.replace("_", " ")
        found.append(
            Criterion(
                name,
                gap <= limit,
                f"{what[0].upper()}{what[1:]} is {after[name]:.3f}, a retrained model has "
                f"{oracle[name]:.3f} (noise {limit:.3f}).",
            )
        )
    return found


def judge_membership(
    excess: tuple[float, float, float], forgotten: float, test: float
) -> Criterion:
    """The per-example attack may not do better on forgotten items than on unseen ones.

    The interval has to reach 0 and to rule out an excess above 0.2: of a few items or models an
    interval is so wide that it always reaches 0, and that says nothing. Where the attack
    recognises the model by nearly any answer, an excess has no room to show, and that is no
    reason to pass either.

    Args:
        excess: two-sided excess over test items with the ends of its 95% interval.
        forgotten: two-sided AUC on the forgotten items.
        test: the same on the test items.
    """
    value, low, high = excess
    seen = (
        f"asked about forgotten items, it is told from a retrained model {forgotten:.0%} of the "
        f"time, asked about unseen ones {test:.0%}, where 50% is chance (excess {value:.3f}, "
        f"95% interval {low:.3f} to {high:.3f})"
    )
    if low > 0:
        words = "gives away that the forgotten items were learned"
    elif test > SATURATED:
        words = "differs from retrained ones on any item, so nothing can be said for it"
    elif high > LARGEST_EXCESS:
        return Criterion(
            "membership",
            False,
            "There are too few items to tell, or too few models, whether an attacker who trains "
            f"comparison models finds out that the forgotten items were learned: {seen}. To pass, "
            f"the interval has to end at {LARGEST_EXCESS:.2f} or below; take more models.",
        )
    else:
        words = (
            "gives no more away about the forgotten items than about unseen ones, or at most "
            f"{LARGEST_EXCESS:.2f} more"
        )
    return Criterion(
        "membership",
        low <= 0 and test <= SATURATED,
        f"To an attacker who trains comparison models the model {words}: {seen}.",
    )


def judge_population(after: float, oracle: float, floor: float, items: int) -> Criterion:
    """A threshold on confidence must separate forgotten from unseen as it does when retrained.

    Args:
        after: AUC under the unlearned model.
        oracle: the same under a retrained one.
        floor: and under another.
        items: number of forgotten items; few make a coarse AUC.
    """
    limit = max(0.05, SPREADS * abs(floor - oracle), 2 / math.sqrt(12 * items))
    passed = abs(after - (oracle + floor) / 2) <= limit
    return Criterion(
        "population_attack",
        passed,
        f"By confidence alone the forgotten items are {'' if passed else 'not '}told from unseen "
        f"ones as they are with a retrained model: AUC {after:.3f} against {oracle:.3f} and "
        f"{floor:.3f}.",
    )


def judge_artefacts(found: Iterable[str]) -> Criterion:
    """Nothing made from the forgotten data may be left in the run.

    Args:
        found: sentences of `graphforget.audit.artefacts.artefacts`.
    """
    traces = list(found)
    return Criterion(
        "artefacts",
        not traces,
        f"Traces of the forgotten data are left: {'; '.join(traces)}."
        if traces
        else "The run holds neither the forgotten data nor training states made with them.",
    )


def judge_weights(change: WeightChange, exact: bool) -> Criterion:
    """The weights have to be more than the original's, nudged.

    An exact method need not change them: it may have found that none depended on the data.

    Args:
        change: what became of the weights.
        exact: whether the method is exact.
    """
    return Criterion("weights", exact or change.passed, _weight_words(change, exact))


def _weight_words(change: WeightChange, exact: bool) -> str:
    if math.isnan(change.size):
        words = f"with parameters of its own it moves the answers {change.moved:.1%} of the way"
        if change.passed:
            return f"The model is more than the original: {words} to a retrained model's."
        return f"The model answers like the original: {words} to a retrained model's."
    seen = f"changed by {change.size:.2%} of their length"
    if math.isfinite(change.retrained):
        seen += f" (a retrained model's differ by {change.retrained:.0%})"
    if change.another:
        return f"The weights are not the original's: {seen}."
    if exact and not change.passed:
        return f"The weights were {seen} by an exact method, which need not change all of them."
    if change.passed:
        why = "the answers are significantly nearer to retraining than theirs"
        if change.aimed:
            why = "the change has to do with the data, as random changes of its size have not"
        return f"The weights come from the original's, {seen}, and {why}."
    if change.size == 0:
        return (
            "The weights are the original's, bit for bit, with all they learned from the data."
        )
    return (
        f"The weights are the original's up to {change.size:.2%} of their length, with what they "
        "learned from the data: the answers about the forgotten items are not significantly nearer "
        f"to retraining, they moved {change.moved:.2%} of the way, and of random changes of the "
        f"same size {change.as_far:.0%} move them as far."
    )


def _slice_words(place: str, part: Slice) -> str:
    seen = f"(distance {part.distance:.3f}, between retrained models {part.floor:.3f}"
    seen += f", untouched {part.none:.3f})"
    if part.passed:
        return f"On {place} the model answers like a retrained one {seen}."
    if 0.95 < part.rho < 1.05:
        return f"On {place} it is as far from a retrained model as the untouched one {seen}."
    if math.isnan(part.rho) or part.rho > 1:
        return f"On {place} it is further from a retrained model than the untouched one is {seen}."
    return f"On {place} it still has {part.rho:.0%} of the distance of doing nothing {seen}."
