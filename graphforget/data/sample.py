"""All samplers of requests in one place."""

from graphforget.data.memorised import memorised
from graphforget.data.sample_edges import (
    bridge_edges,
    dissimilar_edges,
    edges_far_from_test,
    edges_near_test,
    hub_edges,
    random_edges,
)
from graphforget.data.sample_nodes import (
    features_of,
    hub_nodes,
    nodes_of_class,
    random_nodes,
    whole_class,
)
from graphforget.data.sample_text import parse_sample

__all__ = [
    "bridge_edges",
    "dissimilar_edges",
    "edges_far_from_test",
    "edges_near_test",
    "features_of",
    "hub_edges",
    "hub_nodes",
    "memorised",
    "nodes_of_class",
    "parse_sample",
    "random_edges",
    "random_nodes",
    "whole_class",
]
