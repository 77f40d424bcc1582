"""Unlearners: ways to make a trained model forget, one file a method.

A new method is a frozen dataclass in a file of its own, one line here and one test. What stands
here removes what a request names; `relabel`, which forgets labels and leaves the nodes, is apart.
"""

from graphforget.unlearn.bad_teacher import BadTeacher
from graphforget.unlearn.d2dgn import D2DGN
from graphforget.unlearn.finetune import FineTune
from graphforget.unlearn.gnndelete import GNNDelete
from graphforget.unlearn.gradient_ascent import GradientAscent
from graphforget.unlearn.neggrad import NegGradPlus
from graphforget.unlearn.resume import Resume
from graphforget.unlearn.retrain import Retrain
from graphforget.unlearn.rewind import Rewind
from graphforget.unlearn.scrub import SCRUB
from graphforget.unlearn.unlink import Unlink

__all__ = [
    "D2DGN",
    "SCRUB",
    "BadTeacher",
    "FineTune",
    "GNNDelete",
    "GradientAscent",
    "NegGradPlus",
    "Resume",
    "Retrain",
    "Rewind",
    "Unlink",
]
