"""A planted secret: training nodes with a wrong label that only memory can explain."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from graphforget.learn import CrossEntropy
from graphforget.nn import GCN
from graphforget.request import ForgetRequest
from graphforget.task import NodeClassification
from graphforget.trained import Trained
from tests.conftest import planted_partition

LEARNER = CrossEntropy(encoder=GCN(hidden=32, dropout=0.2), epochs=150)


@dataclass(frozen=True, eq=False)
class Secret:
    """A model that memorised wrong labels, and the request to forget their nodes.

    Args:
        trained: the model.
        request: names the nodes.
        wrong: the labels they were trained with, shape ``(K,)``.
    """

    trained: Trained
    request: ForgetRequest
    wrong: Tensor

    def belief(self, model: Trained) -> float:
        """Mean probability of the wrong labels, asked as a stranger would."""
        data = self.request.probe(self.trained.data)
        answer = model.task.response(model.model, data, self.request.tensor)
        return float(answer.gather(1, self.wrong.unsqueeze(1)).mean())

    def accuracy(self, model: Trained) -> float:
        """Test accuracy on the model's own data."""
        return model.task.evaluate(model.model, model.data)["test_accuracy"]


@pytest.fixture(scope="session")
def secret() -> Secret:
    """Trained once: no unlearner changes what it is given."""
    data = planted_partition()
    place = torch.arange(60) % 20
    data.train_mask, data.val_mask, data.test_mask = place < 10, place == 10, place > 10
    nodes = torch.tensor([2, 5, 24, 27, 43, 46])
    data.x = torch.cat([data.x, torch.eye(60)], dim=1)  # room to remember
    data.y[nodes] = (data.y[nodes] + 1) % 3
    trained = LEARNER.fit(data, NodeClassification(3), seed=0)
    return Secret(trained, ForgetRequest("node", nodes), data.y[nodes])
