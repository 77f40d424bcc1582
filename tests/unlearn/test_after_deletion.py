"""After GNNDelete, methods that cannot go on say so before they begin."""

from __future__ import annotations

from dataclasses import replace

import pytest

from graphforget import unlearn
from graphforget.core.errors import Refused
from graphforget.protocols import Unlearner
from graphforget.request import ForgetRequest
from graphforget.unlearn import GNNDelete
from graphforget.unlearn.d2dgn import D2DGN, Fresh, Restored, Untrained

METHODS = [
    found for name in unlearn.__all__
    if isinstance(found := getattr(unlearn, name), type) and issubclass(found, Unlearner)
]
SHORT = D2DGN(Untrained(), None, solver=Fresh(steps=2))
GOING_ON = D2DGN(answers=0.0, objective=1.0, solver=Restored())


@pytest.fixture(scope="module", params=[0, 20], ids=["whole", "batches"])
def deleted(request, secret):
    """A run that GNNDelete has been at, of a learner of the whole graph or of batches."""
    learner = replace(secret.trained.learner, epochs=4, batch_nodes=request.param)
    before = learner.fit(secret.trained.data, secret.trained.task, seed=0)
    return GNNDelete()(before, ForgetRequest("edge", before.data.edge_index[:, :1]))


@pytest.mark.parametrize("method", [*(kind() for kind in METHODS), SHORT, GOING_ON], ids=repr)
@pytest.mark.parametrize("kind", ["node", "edge"])
def test_a_method_works_or_refuses(deleted, secret, method, kind):
    edges = ForgetRequest("edge", deleted.data.edge_index[:, 4:5])
    asked = secret.request if kind == "node" else edges
    reason = method.supports(deleted, asked)
    if reason is None:
        method(deleted, asked)
        return
    with pytest.raises(Refused):
        method(deleted, asked)


def test_the_reason_names_the_way_out(deleted, secret):
    reason = unlearn.FineTune().supports(deleted, secret.request)
    assert (reason is not None) == bool(deleted.learner.batch_nodes)
    assert reason is None or "batch_nodes=0" in reason
    assert "reset_parameters" in SHORT.supports(deleted, secret.request)
