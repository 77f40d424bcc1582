"""ERASE: representations that wrong labels hardly reach, and a head on top of them."""

from graphforget.learn.erase.head import Head, LogisticHead, RidgeHead, TrainedHead
from graphforget.learn.erase.learner import ERASE
from graphforget.learn.erase.module import ERASEModule
from graphforget.learn.erase.objective import CodingRate
from graphforget.learn.erase.presets import PUBLISHED, PUBLISHED_LARGE
from graphforget.learn.erase.rank import RankMonitor

__all__ = [
    "CodingRate",
    "ERASE",
    "ERASEModule",
    "Head",
    "LogisticHead",
    "PUBLISHED",
    "PUBLISHED_LARGE",
    "RankMonitor",
    "RidgeHead",
    "TrainedHead",
]
