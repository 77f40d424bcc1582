"""Feature selection for click models: one method a file, all with one question and one answer.

A new method is a frozen dataclass in a file of its own, one line here and one test. Where the
published benchmark, or the original paper, used other settings than the defaults, the method's
file has them as the constant ``BENCHMARK``, or ``ORIGINAL``.
"""

from recsys.select.ada_fs import AdaFS, AdaFSHard
from recsys.select.all_fields import AllFields
from recsys.select.auto_field import AutoField
from recsys.select.base import Family, Selection, Selector
from recsys.select.chi_squared import ChiSquared
from recsys.select.gbdt import GBDT
from recsys.select.greedy_forward import GreedyForward
from recsys.select.lasso import Lasso
from recsys.select.leave_one_out import LeaveOneOut
from recsys.select.lpfs import LPFS
from recsys.select.masked_greedy import MaskedGreedy
from recsys.select.mutual_information import MutualInformation
from recsys.select.mv_fs import MvFS
from recsys.select.opt_fs import OptFS
from recsys.select.permutation import Permutation
from recsys.select.permutation_on_model import PermutationOnModel
from recsys.select.random_forest import RandomForest
from recsys.select.random_order import RandomOrder
from recsys.select.sfs import SFS
from recsys.select.shark import SHARK
from recsys.select.shuffle_gate import ShuffleGate
from recsys.select.single_field import SingleFieldAUC
from recsys.select.sseds import SSEDS
from recsys.select.umec import UMEC
from recsys.select.xgboost import XGBoost

__all__ = [
    "GBDT",
    "LPFS",
    "SFS",
    "SHARK",
    "SSEDS",
    "UMEC",
    "AdaFS",
    "AdaFSHard",
    "AllFields",
    "AutoField",
    "ChiSquared",
    "Family",
    "GreedyForward",
    "Lasso",
    "LeaveOneOut",
    "MaskedGreedy",
    "MutualInformation",
    "MvFS",
    "OptFS",
    "Permutation",
    "PermutationOnModel",
    "RandomForest",
    "RandomOrder",
    "Selection",
    "Selector",
    "ShuffleGate",
    "SingleFieldAUC",
    "XGBoost",
]
