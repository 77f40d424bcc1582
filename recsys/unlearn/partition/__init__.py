"""Partitions of training pairs into shards: by clusters, as published, or by a keyed hash."""

from recsys.unlearn.partition.base import Partition, Vectors, expected_hits
from recsys.unlearn.partition.keyed import HashedInteractions, HashedUsers
from recsys.unlearn.partition.similarity import SimilarInteractions, SimilarItems, SimilarUsers
from recsys.unlearn.partition.transport import TransportedUsers

__all__ = [
    "HashedInteractions",
    "HashedUsers",
    "Partition",
    "SimilarInteractions",
    "SimilarItems",
    "SimilarUsers",
    "TransportedUsers",
    "Vectors",
    "expected_hits",
]
