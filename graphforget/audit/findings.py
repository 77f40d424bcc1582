"""What an audit found, as one frozen object."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor

from graphforget.audit.cost import Cost
from graphforget.audit.distance import retrain_gap
from graphforget.audit.literature import priv_leak
from graphforget.audit.membership import Attack
from graphforget.audit.relearn import relearn_ratio
from graphforget.audit.slice import Slice
from graphforget.audit.verdict import Verdict
from graphforget.audit.weights import WeightChange
from graphforget.protocols import Outcome


@dataclass(frozen=True, eq=False)
class AuditReport:
    """All that an audit found.

    Args:
        kind: ``quick`` or ``full``.
        models: models an arm.
        outcome: the run that is reported, with a retrained model.
        before: scores of the original, means over models.
        after: scores of the unlearned model under the same names.
        oracle: scores of retrained models.
        floor: scores of other retrained models: what differs from ``oracle`` is noise.
        spread: standard deviation of each score between retrained models.
        slices: distances by region.
        attacks: the per-example attack by arm (``none``, ``after``, ``floor``) and region; empty
            in a quick audit.
        excess: membership excess by arm, with its 95% interval; empty in a quick audit.
        margins: margins by arm and region for the histograms, pooled over models.
        verdict: passed or not, and why.
        weights: how the weights changed.
        costs: ``forget`` and ``retrain``, where they were measured.
    """

    kind: str
    models: int
    outcome: Outcome
    before: Mapping[str, float]
    after: Mapping[str, float]
    oracle: Mapping[str, float]
    floor: Mapping[str, float]
    spread: Mapping[str, float]
    slices: Mapping[str, Slice]
    margins: Mapping[str, Mapping[str, Tensor]]
    verdict: Verdict
    weights: WeightChange
    attacks: Mapping[str, Mapping[str, Attack]] = field(default_factory=dict)
    excess: Mapping[str, tuple[float, float, float]] = field(default_factory=dict)
    costs: Mapping[str, Cost] = field(default_factory=dict)

    @property
    def retrain_gap(self) -> dict[str, float]:
        """Signed difference to the retrained models in every score."""
        return retrain_gap(self.after, self.oracle)

    @property
    def compared(self) -> dict[str, float]:
        """Figures that set the unlearned model against a retrained one in a single number."""
        after, oracle = (arm["population_attack_auc"] for arm in (self.after, self.oracle))
        found = {"priv_leak": priv_leak(after, oracle) if oracle > 0 else math.nan}
        if "relearn_steps" in self.after:
            steps = [round(arm["relearn_steps"]) for arm in (self.after, self.oracle)]
            found["relearn_ratio"] = relearn_ratio(*steps)
        return found
