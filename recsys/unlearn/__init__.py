"""Unlearners that only recommenders need; what stands in `graphforget.unlearn` serves them too.

`AttributeErasure` stands beside them: an attribute is nothing that a request could name.
"""

from recsys.unlearn.als_deletion import ALSDeletion
from recsys.unlearn.ease_deletion import EASEDeletion
from recsys.unlearn.influence import Influence
from recsys.unlearn.leace import AttributeErasure
from recsys.unlearn.reverse import BoundedAscent, ReverseBPR
from recsys.unlearn.salun import SalUn
from recsys.unlearn.sharded import SISA, RecEraser, UltraRE
from recsys.unlearn.ssd import SSD
from recsys.unlearn.user_s3t import UserS3T

__all__ = [
    "SISA",
    "SSD",
    "ALSDeletion",
    "AttributeErasure",
    "BoundedAscent",
    "EASEDeletion",
    "Influence",
    "RecEraser",
    "ReverseBPR",
    "SalUn",
    "UltraRE",
    "UserS3T",
]
