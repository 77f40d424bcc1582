"""Exact forgetting: shards, slices and stages; a deletion switches off those that saw it."""
