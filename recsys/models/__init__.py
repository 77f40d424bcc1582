"""Click models: one embedding of all fields, a gate, a backbone."""

from recsys.models.autoint import AutoInt
from recsys.models.backbone import Backbone
from recsys.models.click_model import ClickModel
from recsys.models.dcn import DCN
from recsys.models.dcn_v2 import DCNv2
from recsys.models.deepfm import DeepFM
from recsys.models.embedding import FieldEmbedding, check_ids
from recsys.models.fibinet import FiBiNET
from recsys.models.fm import FM
from recsys.models.gate import Gate
from recsys.models.mlp import MLP
from recsys.models.wide_deep import WideDeep

__all__ = [
    "DCN",
    "FM",
    "MLP",
    "AutoInt",
    "Backbone",
    "ClickModel",
    "DCNv2",
    "DeepFM",
    "FiBiNET",
    "FieldEmbedding",
    "Gate",
    "WideDeep",
    "check_ids",
]
