"""Audits of recommenders: what is left of what was to be forgotten, and what it cost the rest."""
