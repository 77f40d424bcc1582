"""What a feature selector is asked, and what it answers: an importance for every field."""

from __future__ import annotations

import json
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from graphforget.core.errors import UserError
from recsys.table import Part

if TYPE_CHECKING:
    from recsys.learn import FittedClick
    from recsys.models import Backbone, Gate
    from recsys.table import ClickTable


class Family(Enum):
    """How a selector comes by its scores."""

    SHALLOW = "shallow"
    """A linear or tree model, or a statistic of the counts, in place of the network."""

    SENSITIVITY = "sensitivity"
    """One network trained on all fields, then asked how much it leans on each."""

    GATE = "gate"
    """A mask that is trained together with the network."""

    WRAPPER = "wrapper"
    """Networks trained on subsets of the fields."""

    REFERENCE = "reference"
    """No search at all: what every search has to beat."""


@dataclass(frozen=True, eq=False)
class Selection:
    """The importance of every field of a table, and what the search left behind.

    Args:
        fields: names of the fields, in the table's order.
        scores: importance of each field, higher is better, shape ``(F,)``, float64, finite.
        gate: the trained gate of methods that learn one.
        seconds: wall time of the search.
        model: the network trained on all fields, where the search trained one and ends with it.

    Raises:
        UserError: if the scores are not one finite number per field.

    >>> found = Selection(("age", "hour", "item"), np.array([0.2, 0.2, 0.9]))
    >>> found.ranking, found.kept(2)
    (('item', 'age', 'hour'), ('age', 'item'))
    """

    fields: tuple[str, ...]
    scores: NDArray[np.float64]
    gate: Gate | None = None
    seconds: float = 0.0
    model: FittedClick | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "fields", tuple(self.fields))
        scores = np.array(self.scores, dtype=np.float64)
        if scores.shape != (len(self.fields),):
            raise UserError(
                f"selection: wanted one score for each of {len(self.fields)} fields, "
                f"got shape {scores.shape}; give one number per field"
            )
        if not np.isfinite(scores).all():
            bad = [n for n, s in zip(self.fields, scores, strict=True) if not np.isfinite(s)]
            raise UserError(
                f"selection: scores must be finite, those of {', '.join(bad)} are not; "
                "the search diverged: lower its learning rate"
            )
        scores.flags.writeable = False
        object.__setattr__(self, "scores", scores)

    @property
    def ranking(self) -> tuple[str, ...]:
        """The fields from the most to the least important; ties stand in the table's order."""
        return tuple(self.fields[i] for i in np.argsort(-self.scores, kind="stable"))

    def kept(self, k: int) -> tuple[str, ...]:
        """The ``k`` highest-ranked fields in the table's order, so that equal sets train equally.

        Raises:
            UserError: if ``k`` is not in 1..F.
        """
        if not 1 <= k <= len(self.fields):
            raise UserError(
                f"selection: k must be in 1..{len(self.fields)}, got {k}; "
                "the table has no more fields"
            )
        best = set(self.ranking[:k])
        return tuple(name for name in self.fields if name in best)

    def to_json(self) -> str:
        """Fields, scores, ranking and seconds as one JSON object; gate and model stay behind.

        >>> Selection(("age", "item"), np.array([0.0, 1.0])).to_json()
        '{"fields": ["age", "item"], "scores": [0.0, 1.0], "ranking": ["item", "age"], ...}'
        """
        return json.dumps(
            {
                "fields": list(self.fields),
                "scores": self.scores.tolist(),
                "ranking": list(self.ranking),
                "seconds": self.seconds,
            }
        )

    @classmethod
    def from_json(cls, text: str) -> Selection:
        """The selection that `to_json` wrote, without gate and model.

        Raises:
            UserError: if the text is not such an object.
        """
        try:
            found = json.loads(text)
            fields, scores = found["fields"], found["scores"]
            if not all(isinstance(name, str) for name in fields):
                raise TypeError("field names must be strings")
            return cls(tuple(fields), np.array(scores, np.float64), seconds=found["seconds"])
        except UserError:
            raise
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(
                "ranking: wanted a JSON object with 'fields', 'scores' and 'seconds', got "
                f"something else ({type(error).__name__}: {error}); write it with `recsys select`"
            ) from None


class Selector(ABC):
    """Scores the fields of a click table. Subclasses are frozen dataclasses of settings.

    A search reads the training and validation rows of its table and never the test rows.
    """

    family: ClassVar[Family]
    """How the scores come about."""

    ranks: ClassVar[bool] = True
    """Whether the order of the scores is what the method is about; soft gates only weigh."""

    paper: ClassVar[str]
    """Who published it, or what it is when nobody did."""

    @abstractmethod
    def search(self, table: ClickTable, backbone: Backbone, seed: int) -> Selection:
        """Score the fields; subclasses write this, and `select` keeps the time."""

    def select(self, table: ClickTable, backbone: Backbone, seed: int) -> Selection:
        """Score the fields of a table, with the wall time of the search.

        Args:
            table: the table; its test rows are not read.
            backbone: the network that the fields are selected for; shallow methods ignore it.
            seed: seed of whatever the method draws and trains.

        Raises:
            UserError: if the training or the validation rows do not hold both labels.
        """
        _check(table)
        begin = time.perf_counter()
        selection = self.search(table, backbone, seed)
        return replace(selection, seconds=time.perf_counter() - begin)


def _check(table: ClickTable) -> None:
    for part in (Part.TRAIN, Part.VAL):
        labels = np.unique(table.label[table.rows(part)]).tolist()
        if labels != [0, 1]:
            came = f"only label {labels[0]}" if labels else "no row"
            raise UserError(
                f"table {table.name!r}: wanted {part.name} rows of both labels to select fields "
                f"by, got {came}; split it anew"
            )


def one_score_each(table: ClickTable, scores: Sequence[float] | NDArray) -> Selection:
    """A selection over all fields of a table from scores in the table's order, shape ``(F,)``."""
    return Selection(tuple(field.name for field in table.fields), np.asarray(scores, np.float64))
