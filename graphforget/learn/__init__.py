"""Learners: ways to make a model from data."""

from graphforget.learn.corrected import CorrectedLabels, corrected_labels
from graphforget.learn.cross_entropy import CrossEntropy, CrossEntropyModule
from graphforget.learn.erase import ERASE, ERASEModule
from graphforget.learn.robust import (
    APL,
    GCE,
    PIGNN,
    BackwardCorrection,
    CoTeaching,
    ForwardCorrection,
    LabelPropagation,
    LabelSmoothing,
    SemanticCrossEntropy,
    TruncatedGCE,
)
from graphforget.learn.semantic import SemanticLabels

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
