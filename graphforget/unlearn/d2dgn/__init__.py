"""D2DGN, unlearning by distillation, and the parts it is put together from."""

from graphforget.unlearn.d2dgn.destroyer import (
    Calibrated,
    ClassRemoved,
    Destroyer,
    NonEdge,
    Untrained,
)
from graphforget.unlearn.d2dgn.held_out import HeldOut
from graphforget.unlearn.d2dgn.matching import Combined, Feature, Matching, Response
from graphforget.unlearn.d2dgn.method import D2DGN
from graphforget.unlearn.d2dgn.newton import Newton
from graphforget.unlearn.d2dgn.newton_then_adam import NewtonThenAdam
from graphforget.unlearn.d2dgn.presets import LABEL_FREE, PUBLISHED
from graphforget.unlearn.d2dgn.shrunk import Shrunk
from graphforget.unlearn.d2dgn.solver import Fresh, Restored, Solver
from graphforget.unlearn.d2dgn.withdrawal import Withdrawal

__all__ = [
    "LABEL_FREE",
    "PUBLISHED",
    "Calibrated",
    "ClassRemoved",
    "Combined",
    "D2DGN",
    "Destroyer",
    "Feature",
    "Fresh",
    "HeldOut",
    "Matching",
    "Newton",
    "NewtonThenAdam",
    "NonEdge",
    "Response",
    "Restored",
    "Shrunk",
    "Solver",
    "Untrained",
    "Withdrawal",
]
