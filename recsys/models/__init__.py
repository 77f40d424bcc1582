"""Click models: one embedding of all fields, a gate, a backbone."""

from recsys.models.backbone import Backbone
from recsys.models.click_model import ClickModel
from recsys.models.deepfm import DeepFM
from recsys.models.embedding import FieldEmbedding, check_ids
from recsys.models.gate import Gate

__all__ = ["Backbone", "ClickModel", "DeepFM", "FieldEmbedding", "Gate", "check_ids"]
