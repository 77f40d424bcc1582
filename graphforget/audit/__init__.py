"""Audits: what is left of the forgotten data, measured against retraining."""
