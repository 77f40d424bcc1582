"""Recommenders: click tables, feature selection, and forgetting in recommenders."""
