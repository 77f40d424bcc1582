"""Settings of D2DGN that have a name."""

from __future__ import annotations

from graphforget.unlearn.d2dgn.destroyer import Untrained
from graphforget.unlearn.d2dgn.method import D2DGN
from graphforget.unlearn.d2dgn.solver import Fresh
from graphforget.unlearn.d2dgn.withdrawal import Withdrawal

PUBLISHED = D2DGN(
    destroyer=Untrained(), withdrawal=None, alpha=0.5, solver=Fresh(200, 1e-3), links=None
)
"""As published (d2dgn.md 1): an untrained destroyer, alpha .5, Adam from scratch."""

LABEL_FREE = D2DGN(withdrawal=Withdrawal(labels=False), links=None)
"""No label of anything but the request itself: the original's answers stand in for the rest."""
