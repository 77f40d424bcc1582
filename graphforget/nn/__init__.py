"""Networks: choices over torch_geometric.nn, each a frozen dataclass that builds a module."""

from graphforget.nn.encoders import GAT, GCN, GIN, Encoder, GraphSAGE

__all__ = ["GAT", "GCN", "GIN", "Encoder", "GraphSAGE"]
