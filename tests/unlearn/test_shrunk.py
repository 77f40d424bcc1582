"""A student shrunk and trained up again is near retraining where links were learnt by heart."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from graphforget.core.errors import Refused, UserError
from graphforget.learn import CrossEntropy
from graphforget.nn import GCN
from graphforget.request import ForgetRequest
from graphforget.task import LinkPrediction
from graphforget.trained import Trained
from graphforget.unlearn import Retrain, Unlink
from graphforget.unlearn.d2dgn import D2DGN, Untrained
from graphforget.unlearn.d2dgn.shrunk import Shrunk

HURRIED = D2DGN(answers=0.0, objective=1.0, solver=Shrunk())


@pytest.mark.slow
def test_a_shrunken_student_answers_to_memorised_links_as_retrained_ones_do(tiny_links):
    tiny_links.x = torch.cat([tiny_links.x, torch.eye(60)], dim=1)  # room to remember
    task = LinkPrediction(8)
    trained = CrossEntropy(GCN(16, dropout=0.0), 500, 0.003, 0.0).fit(tiny_links, task, 0)
    edges = task.train_items(tiny_links)
    odd = edges[:, edges[0] // 20 != edges[1] // 20]  # between blocks: only memory explains them
    request = ForgetRequest("edge", odd[:, ::4])
    retained = request.retained(tiny_links)
    gone = task.forgotten_items(request, tiny_links)
    oracles = [Retrain()(trained, request, seed) for seed in (1, 2, 3)]
    before = {name: value.clone() for name, value in trained.model.state_dict().items()}

    @torch.no_grad()
    def away(result: Trained) -> float:
        said = [task.logits(each.model, retained, gone).sigmoid() for each in (result, *oracles)]
        return float(sum((said[0] - other).abs().mean() for other in said[1:]))

    assert away(HURRIED(trained, request)) < 0.8 * away(Unlink()(trained, request))
    assert all(torch.equal(before[name], now) for name, now in trained.model.state_dict().items())


def test_the_averaged_weights_of_a_shrunken_student_lie_between_its_steps(tiny_links):
    task = LinkPrediction(8)
    learner = CrossEntropy(GCN(16, dropout=0.0), 100, 0.01, 0.0)
    trained = learner.fit(tiny_links, task, 0)
    request = ForgetRequest("edge", task.train_items(tiny_links)[:, :3])
    one = replace(HURRIED, solver=Shrunk(keep=0.5, share=0.01, faster=1.0))(trained, request)
    for old, new in zip(trained.model.parameters(), one.model.parameters(), strict=True):
        assert (new - 0.5 * old).abs().max() <= 0.01 + 1e-6  # one step of Adam, no further


def test_it_is_the_default_for_many_links_unless_it_makes_a_worse_model(tiny_links):
    task = LinkPrediction(8)
    trained = CrossEntropy(GCN(16, dropout=0.0), 500, 0.003, 0.0).fit(tiny_links, task, 0)
    request = ForgetRequest("edge", task.train_items(tiny_links)[:, ::4])

    def weights(method: D2DGN) -> torch.Tensor:
        return torch.cat([p.flatten() for p in method(trained, request).model.parameters()])

    assert torch.equal(weights(D2DGN()), weights(HURRIED))
    taught = weights(D2DGN(links=None))
    assert not torch.equal(weights(D2DGN()), taught)
    ruined = Shrunk(keep=0.0, share=0.002, faster=0.001)  # next to nothing grows back
    assert torch.equal(weights(D2DGN(links=ruined)), taught)


def test_without_validation_links_nobody_could_tell_so_teachers_have_the_word(tiny_links):
    task, none = LinkPrediction(8), torch.empty(2, 0, dtype=torch.long)
    trained = CrossEntropy(GCN(16, dropout=0.0), 60, 0.01, 0.0).fit(tiny_links, task, 0)
    trained.data.val_pos_edge_index = trained.data.val_neg_edge_index = none
    request = ForgetRequest("edge", task.train_items(tiny_links)[:, ::4])
    method = D2DGN(destroyer=Untrained())
    both = [replace(method, links=links)(trained, request) for links in (Shrunk(), None)]
    for ours, theirs in zip(*(each.model.parameters() for each in both), strict=True):
        assert torch.equal(ours, theirs)


def test_it_refuses_a_model_without_its_learner(tiny_links):
    task = LinkPrediction(8)
    trained = CrossEntropy(GCN(16, dropout=0.0), 5, 0.01, 0.0).fit(tiny_links, task, 0)
    request = ForgetRequest("edge", task.train_items(tiny_links)[:, :3])
    with pytest.raises(Refused, match="learner"):
        HURRIED(replace(trained, learner=None), request)


@pytest.mark.parametrize("wrong", [{"keep": 1.5}, {"faster": 0.0}, {"share": 0.0}])
def test_settings_out_of_range_are_refused_at_birth(wrong):
    with pytest.raises(UserError):
        Shrunk(**wrong)
