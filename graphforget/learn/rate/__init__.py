"""The coding rate: how many bits it takes to tell representations apart, and its fused gradient."""

from graphforget.learn.rate.grams import two_pass
from graphforget.learn.rate.loss import class_coding_rate, coding_rate, coding_rate_loss

__all__ = ["class_coding_rate", "coding_rate", "coding_rate_loss", "two_pass"]
