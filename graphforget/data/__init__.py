"""Graphs to train on, ways to split them, and samplers of what to forget."""
