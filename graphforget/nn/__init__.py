"""Networks: choices over torch_geometric.nn, each a frozen dataclass that builds a module."""

from graphforget.nn.attention import NormalisedGAT
from graphforget.nn.encoders import GAT, GCN, GIN, Encoder, GraphSAGE
from graphforget.nn.features import sparse_features

__all__ = ["GAT", "GCN", "GIN", "Encoder", "GraphSAGE", "NormalisedGAT", "sparse_features"]
