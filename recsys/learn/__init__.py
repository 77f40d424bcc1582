"""Learning: recommenders and click models."""

from recsys.learn.als import WeightedMF
from recsys.learn.bpr import BPRMF
from recsys.learn.click_data import ClickDataModule
from recsys.learn.click_learner import ClickLearner
from recsys.learn.click_module import ClickModule, Epoch
from recsys.learn.click_optimizer import ClickOptimizer, DenseAdam, LazyAdam
from recsys.learn.click_predict import evaluate, logits, predict
from recsys.learn.click_scores import ClickScores, grouped_auc, logloss, roc_auc
from recsys.learn.click_training import ClickTraining, FittedClick, train_click
from recsys.learn.ease import EASE
from recsys.learn.lightgcn import LightGCN
from recsys.learn.neural_cf import NeuralCF

__all__ = [
    "BPRMF",
    "EASE",
    "ClickDataModule",
    "ClickLearner",
    "ClickModule",
    "ClickOptimizer",
    "ClickScores",
    "ClickTraining",
    "DenseAdam",
    "Epoch",
    "FittedClick",
    "LazyAdam",
    "LightGCN",
    "NeuralCF",
    "WeightedMF",
    "evaluate",
    "grouped_auc",
    "logits",
    "logloss",
    "predict",
    "roc_auc",
    "train_click",
]
