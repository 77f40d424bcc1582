"""Learners: ways to make a model from data."""

from graphforget.learn.apl import APL
from graphforget.learn.backward_correction import BackwardCorrection
from graphforget.learn.co_teaching import CoTeaching
from graphforget.learn.corrected import CorrectedLabels, corrected_labels
from graphforget.learn.cross_entropy import CrossEntropy, CrossEntropyModule
from graphforget.learn.erase import ERASE
from graphforget.learn.erase_module import ERASEModule
from graphforget.learn.forward_correction import ForwardCorrection
from graphforget.learn.gce import GCE
from graphforget.learn.label_propagation import LabelPropagation
from graphforget.learn.label_smoothing import LabelSmoothing
from graphforget.learn.pi_gnn import PIGNN
from graphforget.learn.semantic import SemanticLabels
from graphforget.learn.semantic_cross_entropy import SemanticCrossEntropy
from graphforget.learn.truncated_gce import TruncatedGCE

__all__ = [
    "APL",
    "BackwardCorrection",
    "CoTeaching",
    "CorrectedLabels",
    "CrossEntropy",
    "CrossEntropyModule",
    "ERASE",
    "ERASEModule",
    "ForwardCorrection",
    "GCE",
    "LabelPropagation",
    "LabelSmoothing",
    "PIGNN",
    "SemanticCrossEntropy",
    "SemanticLabels",
    "TruncatedGCE",
    "corrected_labels",
]
