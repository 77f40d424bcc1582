"""Audits of recommenders: what is left of what was to be forgotten, and what it cost the rest.

They stand beside `graphforget.audit`, which judges recommenders too, and add what only they need.
"""

from recsys.audit.attributes import AttributeAttack, attacked
from recsys.audit.completeness import BesideFloor, forgotten_ranks, list_distance, neighbours
from recsys.audit.deciles import decile_gaps, gini, user_ndcg
from recsys.audit.fold_in import fold_in_attack
from recsys.audit.forget_sets import in_turn, memorisation, parse_forget_set
from recsys.audit.many import fit_many
from recsys.audit.pairs import PairAudit, audit_pairs
from recsys.audit.stream import carried_out_in_turn

__all__ = [
    "AttributeAttack",
    "BesideFloor",
    "PairAudit",
    "attacked",
    "audit_pairs",
    "carried_out_in_turn",
    "decile_gaps",
    "fit_many",
    "fold_in_attack",
    "forgotten_ranks",
    "gini",
    "in_turn",
    "list_distance",
    "memorisation",
    "neighbours",
    "parse_forget_set",
    "user_ndcg",
]
