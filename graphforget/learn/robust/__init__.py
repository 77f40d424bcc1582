"""Learners that wrong labels mislead less than `CrossEntropy`: one file each, on its training."""

from graphforget.learn.robust.apl import APL
from graphforget.learn.robust.backward_correction import BackwardCorrection
from graphforget.learn.robust.co_teaching import CoTeaching
from graphforget.learn.robust.forward_correction import ForwardCorrection
from graphforget.learn.robust.gce import GCE
from graphforget.learn.robust.label_propagation import LabelPropagation
from graphforget.learn.robust.label_smoothing import LabelSmoothing
from graphforget.learn.robust.pi_gnn import PIGNN
from graphforget.learn.robust.semantic_cross_entropy import SemanticCrossEntropy
from graphforget.learn.robust.truncated_gce import TruncatedGCE

__all__ = [
    "APL",
    "BackwardCorrection",
    "CoTeaching",
    "ForwardCorrection",
    "GCE",
    "LabelPropagation",
    "LabelSmoothing",
    "PIGNN",
    "SemanticCrossEntropy",
    "TruncatedGCE",
]
