"""The feature-selection board: every selector, its full curve, and the band of random orders.

Settings are those of the reference figures in the ERASE benchmark's manner (batches of 1024,
at most 40 epochs, patience 3), so that areas can be compared with them.
"""

from __future__ import annotations

from experiments.benchmark import Benchmark
from experiments.selection_run import SelectionGrid
from recsys.board.bootstrap import Bootstrap
from recsys.board.selectors import presets, selector_classes
from recsys.learn import ClickTraining
from recsys.models import MLP, DeepFM
from recsys.select import Lasso, RandomOrder, Selector

TRAINING = ClickTraining(epochs=40, patience=3, batch_size=1024)
SEEDS = (0, 1, 2)
CURVES = {"ml-100k": tuple(range(1, 14)), "frappe": tuple(range(1, 11))}
"""Every number of fields of the two tables."""


def every_selector() -> dict[str, Selector]:
    """All that the package exports, with their defaults; random orders stand beside them."""
    return {name: cls() for name, cls in selector_classes().items() if cls is not RandomOrder}


def as_published() -> dict[str, Selector]:
    """Those that were published with other settings, with these."""
    return {
        f"{name}:{preset}": selector
        for name, cls in selector_classes().items()
        for preset, selector in presets(cls).items()
        if selector != cls()
    }


FULL = (
    SelectionGrid(
        CURVES, every_selector(), (DeepFM(), MLP()), TRAINING, SEEDS, random_orders=9
    ),
    SelectionGrid({"ml-100k": CURVES["ml-100k"]}, as_published(), (DeepFM(),), TRAINING, SEEDS),
)

PLANTED = (
    SelectionGrid(
        {"planted": tuple(range(1, 9))}, every_selector(), (DeepFM(),),
        ClickTraining(epochs=20, batch_size=256, learning_rate=3e-3), SEEDS, random_orders=5,
    ),
)

SMOKE = (
    SelectionGrid(
        {"planted": (1, 2, 4, 8)}, {"Lasso": Lasso()}, (DeepFM(),),
        ClickTraining(epochs=3, batch_size=256, learning_rate=1e-2), (0,), random_orders=2,
        bootstrap=Bootstrap(draws=50),
    ),
)

BENCHMARK = Benchmark(
    name="recsys_selection",
    about="feature selection for click models: rankings judged by retraining at every k",
    sizes={"smoke": SMOKE, "planted": PLANTED, "full": FULL},
)
