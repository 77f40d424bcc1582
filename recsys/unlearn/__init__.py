"""Unlearners that only recommenders need; what stands in `graphforget.unlearn` serves them too."""
