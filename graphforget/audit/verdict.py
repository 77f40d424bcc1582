"""The verdict: which criteria an unlearned model meets, in words that say why.

A model has forgotten if it behaves like one that never saw the data: not further from retraining
than noise on any region, as useful as retraining, no easier to recognise by its answers to the
forgotten items than by its answers to unseen ones, and without leftovers in the run. The noise is
that of retrained models among themselves, so the bar moves with the data.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Criterion:
    """One demand on the unlearned model.

    Args:
        name: short name.
        passed: whether it is met.
        words: a sentence that says what was found.
    """

    name: str
    passed: bool
    words: str


@dataclass(frozen=True)
class Verdict:
    """Whether all criteria are met, and each of them.

    Args:
        criteria: all demands that were checked.
        caveats: sentences that limit what the verdict says.
    """

    criteria: tuple[Criterion, ...]
    caveats: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether every criterion is met."""
        return all(criterion.passed for criterion in self.criteria)

    @property
    def words(self) -> str:
        """The verdict with its reasons."""
        if self.passed:
            return "Passed. On everything measured the model cannot be told from a retrained one."
        failed = [criterion.words for criterion in self.criteria if not criterion.passed]
        return "Not passed. " + " ".join(failed)
