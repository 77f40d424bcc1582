"""Learners: ways to make a model from data."""

from graphforget.learn.cross_entropy import CrossEntropy, CrossEntropyModule

__all__ = ["CrossEntropy", "CrossEntropyModule"]
