"""Feature selection for click models: one method a file, all with one question and one answer.

A new method is a frozen dataclass in a file of its own, one line here and one test.
"""

from recsys.select.base import Family, Selection, Selector

__all__ = [
    "Family",
    "Selection",
    "Selector",
]
