"""Ranking metrics for audits; `recsys.ranking` holds them, where tasks can reach them too."""

from recsys.ranking import (
    hit_rate,
    hits,
    ndcg,
    per_user,
    ranking_metrics,
    ranks,
    recall,
    table,
    top_items,
)

__all__ = [
    "hit_rate",
    "hits",
    "ndcg",
    "per_user",
    "ranking_metrics",
    "ranks",
    "recall",
    "table",
    "top_items",
]
