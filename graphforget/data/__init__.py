"""Graphs to train on, ways to split them, and samplers of what to forget."""

from graphforget.data.batches import (
    ClusterBatches,
    NeighborBatches,
    NodeBatches,
    RandomBatches,
    node_batches,
)
from graphforget.data.datamodule import GraphDataModule
from graphforget.data.graphs import GRAPHS, load_graph
from graphforget.data.memorised import memorisation, memorised
from graphforget.data.noise import (
    Asymmetric,
    LabelNoise,
    Pair,
    RandomFlips,
    Symmetric,
    corrupt,
    with_noise,
)
from graphforget.data.noise_text import parse_noise
from graphforget.data.own import load_data, load_own
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
from graphforget.data.split import split_links, split_nodes

__all__ = [
    "Asymmetric",
    "ClusterBatches",
    "GRAPHS",
    "GraphDataModule",
    "LabelNoise",
    "NeighborBatches",
    "NodeBatches",
    "Pair",
    "RandomBatches",
    "RandomFlips",
    "Symmetric",
    "bridge_edges",
    "corrupt",
    "dissimilar_edges",
    "edges_far_from_test",
    "edges_near_test",
    "features_of",
    "hub_edges",
    "hub_nodes",
    "load_data",
    "load_graph",
    "load_own",
    "memorisation",
    "memorised",
    "node_batches",
    "nodes_of_class",
    "parse_noise",
    "parse_sample",
    "random_edges",
    "random_nodes",
    "split_links",
    "split_nodes",
    "whole_class",
    "with_noise",
]
