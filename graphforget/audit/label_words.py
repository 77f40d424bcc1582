"""Plain words of the page about labels, for engineers who know their data and not the method."""

from __future__ import annotations

HOW_TO_READ = {
    "Node": "Its name in your data, where it has one, and its row in the graph, counted from 0.",
    "Given label": "The label that came with the graph.",
    "Corrected label": "The class that its features and its neighbours speak for most.",
    "Confidence": "Probability of the corrected label, from 0 to 1.",
    "Doubt": "Probability that the given label is wrong, from 0 to 1. Lists are in its order: "
    "start at the top, and stop where what you find is mostly right.",
    "Neighbours": "Nodes joined to this one whose labels were looked at too, and how many of them "
    "have its given and its corrected label: evidence that you can check without a model.",
}
"""Columns of the table of doubtful nodes."""

TRUST = (
    "Two figures say how far to trust this page. The method takes neighbours to be alike, so most "
    "edges should join nodes of the same label. And a model that has learnt the classes predicts "
    "most labels that it did not train on, less those that are wrong themselves."
)
"""Said below the facts about the graph."""

FOREIGN = (
    "Fewer than half of the edges join nodes of the same given label. Neighbours say little about "
    "a node here, and this method is not made for such graphs: expect right labels on the list."
)
"""Said where that is so."""

PICTURES = {
    "confusion": "A row is a given label, a column what it should be. All that is off the diagonal "
    "looks wrong. A single strong cell beside it means that two classes are mixed up, or hard to "
    "tell apart: look at some of its nodes before you change any. A column that takes from many "
    "rows may be a class that is merely large.",
    "doubt": "Two heaps at the ends and little between them: the labels are easy to judge. A broad "
    "middle: many cannot be decided from this graph.",
    "similarity": "Each point says how alike the model sees two nodes. A model that has found the "
    "classes shows dark squares along the diagonal and pale elsewhere. On the left, a dark stripe "
    "outside the squares is made of nodes that are like another class than the one they are given; "
    "on the right it should have gone. If there are no squares on the right either, the model has "
    "not found the classes: do not trust the list.",
    "embedding": "Near points are nodes that the model sees as alike (t-SNE; axes, sizes of groups "
    "and wide distances mean nothing). Rings within a group of their colour are clear cases. Rings "
    "between groups are border cases, which may well be labelled right.",
}
"""What each picture shows and what to look for."""

CANNOT_SAY = (
    "That a label is wrong. It says which labels do not fit features and neighbours; a rare but "
    "right case does not fit either. Have someone look before you change or drop a label.",
    "That the other labels are right. A mistake made in the same way in most of a class, or in a "
    "whole region of the graph, looks like the truth to it.",
    "Anything where neighbours tend to be of different classes: it takes neighbours to be alike.",
    "That a node belongs to a class that no label names, to two classes, or to none.",
    "How many labels are wrong, exactly. Doubt is a probability by the model's own lights; on data "
    "of another kind it can be too sure. Check some, at random and from the top, and count.",
    "The same to the last node with another seed: border cases come and go.",
)
"""The limits of the page."""
