"""Learners: ways to make a model from data."""

from graphforget.learn.cross_entropy import CrossEntropy, CrossEntropyModule
from graphforget.learn.semantic import SemanticLabels

__all__ = ["CrossEntropy", "CrossEntropyModule", "SemanticLabels"]
