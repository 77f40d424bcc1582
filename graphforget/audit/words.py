"""Plain words for what an audit measures, for readers who do not train networks."""

from __future__ import annotations

ARMS = {
    "before": "before",
    "after": "after forgetting",
    "oracle": "retrained",
    "floor": "retrained again",
}
"""The arms of an audit."""

PLACES = {
    "forgotten": "forgotten items",
    "ring": "their neighbourhood",
    "rest": "rest of the data",
    "test": "unseen items",
    "same_class": "unseen, forgotten class",
}
"""The regions of an audit."""

IN_SENTENCES = {
    "forgotten": "the forgotten items",
    "ring": "the neighbourhood of the forgotten items",
    "rest": "the rest of the training data",
    "test": "unseen test items",
    "same_class": "unseen items of the forgotten class",
}
"""The same within a sentence."""

SCORES = {
    "test_accuracy": "Right answers on unseen items",
    "test_macro_f1": "The same, every class counting alike (macro-F1)",
    "val_accuracy": "Right answers on validation items",
    "test_auc": "Unseen links ranked above non-links (AUC)",
    "test_ap": "Average precision on unseen links",
    "val_auc": "Validation links ranked above non-links (AUC)",
    "test_ndcg@20": "Unseen items of a user at the top of his list (NDCG@20)",
    "test_recall@20": "Unseen items of a user among the first 20 (recall)",
    "test_logloss": "Mean loss on unseen items, less is better (logloss)",
    "forgotten_class_recall": "Forgotten class still recognised",
    "other_classes_accuracy": "Right answers on all other classes",
    "forgotten_confidence": "Confidence in the true answer, forgotten items",
    "forgotten_margin": "Margin of the true answer, forgotten items",
    "population_attack_auc": "Simple membership attack (AUC)",
    "forget_auc": "Forget AUC, as in the literature",
    "mi_ratio": "MI ratio, as in the literature",
    "relearn_steps": "Steps to learn the forgotten items again",
}
"""The scores of the comparison table, in its order."""

COMPARED = {
    "priv_leak": "PrivLeak, % by which that attack differs from retraining (target 0)",
    "relearn_ratio": "Relearn ratio, those steps over a retrained model's (target 1)",
}
"""Figures that compare with the retrained model, below that table."""

KINDS = {
    "node": ("node", "nodes with their features, labels and connections"),
    "edge": ("connection", "connections between two nodes"),
    "feature": ("node's features", "features of nodes"),
    "class": ("class", "classes of nodes"),
    "user": ("user", "users with all that is known of them"),
    "item": ("item", "items with all that was taken of them"),
    "interaction": ("interaction", "interactions of a user with an item"),
}
"""Kinds of requests: the singular, and what is removed."""

GLOSSARY = {
    "Retrained model": "A model trained from the start on the data without the forgotten items. "
    "It cannot know them, so it is the yardstick for everything here.",
    "Noise": "Two retrained models differ too, because training involves chance. A difference "
    "that is no larger than theirs means nothing.",
    "Forgotten items": "What the request touches: the nodes or connections named, or the end "
    "points of the connections named.",
    "Their neighbourhood": "Items connected closely enough that their answers can change when the "
    "forgotten data go.",
    "Unseen items": "Test items that no model was trained on.",
    "Distance": "How differently two models answer the same question, averaged over items: 0 if "
    "their probabilities agree, 1 if they are sure of different answers.",
    "Share left (rho)": "The distance that remains, when retraining is 0% and having done nothing "
    "is 100%. It is not shown where the original is already as near as noise.",
    "Margin": "How sure a model is of the true answer; above 0 it prefers it to all others.",
    "Membership attack": "Someone tries to find out from a model's answers whether an item was in "
    "its training data. The simple attack looks only at confidence. The attack item by item "
    "compares with many models trained for the purpose and is much stronger.",
    "AUC": "How well two groups can be told apart: 0.5 is guessing, 1 (or 0) is certainty.",
}
"""Terms and what they mean."""

DOES_NOT_PROVE = (
    "It does not prove that the data are gone from other places: backups, logs, exported "
    "predictions, earlier models and copies of them, which have to be deleted separately.",
    "It is a measurement by chosen attacks, not a mathematical guarantee. A stronger attack may "
    "find what these did not.",
    "It holds for this request, this data and this model. Another request, or many requests one "
    "after another, need audits of their own.",
    "It says nothing about what can be inferred about the forgotten items from the data that "
    "remain, such as a person's neighbours. A retrained model would allow the same.",
)
"""The limits of an audit."""


def number(name: str, value: float) -> str:
    """A score as it is printed: steps are whole, all else has three digits.

    >>> number("relearn_steps", 30.0), number("test_accuracy", 0.8)
    ('30', '0.800')
    """
    return f"{value:.0f}" if name == "relearn_steps" else f"{value:.3f}"
