"""The board: what rankings of fields are worth, measured by retraining on their prefixes."""
