"""Tasks of recommenders: what a model is asked, how it is trained and how it is scored."""

from recsys.task.clicks import ClickPrediction
from recsys.task.ranking import Ranking
from recsys.task.rivals import Rivals

__all__ = ["ClickPrediction", "Ranking", "Rivals"]
