"""The promises that every learner keeps; a new one joins by being exported."""

from __future__ import annotations

import copy
import inspect
import pickle
from dataclasses import dataclass, fields, replace

import pytest
import torch
from torch import Generator

from graphforget import learn
from graphforget.core.config import from_config, to_config
from graphforget.core.errors import UserError
from graphforget.exact import S3T
from graphforget.exact.sharded import Sharded
from graphforget.nn import GAT, GIN
from graphforget.protocols import Learner
from graphforget.request import ForgetRequest
from graphforget.run_folder import data_tensors
from graphforget.task import LinkPrediction, NodeClassification
from graphforget.trained import Trained
from graphforget.unlearn import FineTune, Resume, Retrain
from tests.contracts.conftest import Setting

LEARNERS = [
    found
    for name in learn.__all__
    if isinstance(found := getattr(learn, name), type)
    and issubclass(found, Learner)
    and not inspect.isabstract(found)
] + [S3T]
TASK = NodeClassification(3)
FEW_SHARDS = {"shards": 2, "slices": 2, "orders": 2}
"""As many as a graph of 60 nodes can fill."""


@dataclass(frozen=True, eq=False)
class Fitted:
    """One training from the defaults, and what the data were before."""

    learner: Learner
    setting: Setting
    trained: Trained
    before: dict[str, torch.Tensor]


def short(learner: type[Learner], **settings) -> Learner:
    """The learner with few epochs and few dimensions, where it has such settings."""
    names = {field.name for field in fields(learner)}  # type: ignore[arg-type]
    small = {"epochs": 6, "width": 16, "warm_up": 2, "snapshots": (), **FEW_SHARDS} | settings
    return learner(**{name: value for name, value in small.items() if name in names})


def has(learner: type[Learner], name: str) -> bool:
    return name in {field.name for field in fields(learner)}  # type: ignore[arg-type]


def weights(trained: Trained) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in trained.model.state_dict().items()}


def same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[k], second[k]) for k in first)


@pytest.fixture(params=LEARNERS, ids=lambda learner: learner.__name__)
def learner(request) -> type[Learner]:
    return request.param


@pytest.fixture(scope="session")
def memory() -> dict[type[Learner], Fitted]:
    return {}


@pytest.fixture
def fitted(learner, settings, memory) -> Fitted:
    """Computed once for each learner: no test may leave a trace on it."""
    if learner not in memory:
        setting = settings["node"]
        data = setting.data.clone()
        before = {name: value.clone() for name, value in data_tensors(data).items()}
        state = torch.random.get_rng_state()
        few = {name: count for name, count in FEW_SHARDS.items() if has(learner, name)}
        trained = learner(**few).fit(data, setting.task, 0)
        assert torch.equal(state, torch.random.get_rng_state()), "global random state was moved"
        memory[learner] = Fitted(learner(**few), setting, trained, before)
    return memory[learner]


def test_there_is_more_than_one(settings):
    assert len(LEARNERS) > 10


def test_from_its_defaults_it_learns_clean_labels(fitted):
    trained = fitted.trained
    scores = trained.task.evaluate(trained.model, trained.data)
    assert scores["test_accuracy"] > 0.8


def test_the_data_are_untouched(fitted):
    after = data_tensors(fitted.trained.data)
    assert same(after, fitted.before)


def test_the_result_is_in_eval_mode_finite_and_knows_where_it_is_from(fitted):
    trained = fitted.trained
    assert not any(module.training for module in trained.model.modules())
    assert all(torch.isfinite(value).all() for value in trained.model.state_dict().values())
    assert not any(module._forward_hooks for module in trained.model.modules())
    assert trained.learner == fitted.learner and trained.seed == 0 and trained.history == ()
    answer = trained.response(torch.arange(60))
    torch.testing.assert_close(answer.sum(1), torch.ones(60))


def test_snapshots_and_the_state_of_the_optimiser_fit_the_model(fitted):
    trained = fitted.trained
    names = set(trained.model.state_dict())
    assert trained.snapshots or not has(type(fitted.learner), "snapshots")
    for taken in trained.snapshots.values():
        held = {k.removeprefix("model.") for k in taken if k.startswith("model.")}
        assert held == names
    parameters = {name for name, _ in trained.model.named_parameters()}
    assert all(key.rpartition(".")[0] in parameters for key in trained.optimizer)


def test_saved_and_loaded_it_answers_the_same(fitted, tmp_path):
    fitted.trained.save(tmp_path / "run")
    loaded = Trained.load(tmp_path / "run")
    items = torch.arange(60)
    assert torch.equal(loaded.response(items), fitted.trained.response(items))
    assert loaded.learner == fitted.learner


def test_it_pickles_compares_and_goes_through_a_configuration(learner):
    one = learner()
    assert pickle.loads(pickle.dumps(one)) == one == learner() and hash(one) == hash(learner())
    assert from_config(to_config(one)) == one
    assert replace(one, epochs=3) != one
    with pytest.raises(AttributeError):
        one.epochs = 3


def test_the_seed_decides_everything(learner, settings):
    data, fast = settings["node"].data, short(learner)
    first, again, other = (weights(fast.fit(data, TASK, seed)) for seed in (0, 0, 1))
    assert same(first, again) and not same(first, other)


def test_fields_are_documented(learner):
    said = " ".join(inspect.getdoc(cls) or "" for cls in learner.__mro__)
    assert [f.name for f in fields(learner) if f"{f.name}:" not in said] == []


@pytest.mark.parametrize("best", [False, True])
def test_the_best_epoch_can_be_asked_for(learner, settings, best):
    if not has(learner, "best"):
        pytest.skip("chooses no epoch")
    data = settings["node"].data
    trained = short(learner, epochs=12, best=best).fit(data, TASK, 0)
    assert torch.isfinite(trained.response(torch.arange(60))).all()


@pytest.mark.parametrize("encoder", [GAT(16), GIN(16), GAT(16, layers=1), GAT(16, layers=3)])
def test_any_encoder_will_do(learner, settings, encoder):
    if not has(learner, "encoder"):
        pytest.skip("has no encoder to choose")
    trained = short(learner, encoder=encoder).fit(settings["node"].data, TASK, 0)
    assert torch.isfinite(trained.response(torch.arange(60))).all()


def test_batches_will_do(learner, settings):
    if not has(learner, "batch_nodes"):
        pytest.skip("takes no batches")
    fast = short(learner, batch_nodes=20)
    data = settings["node"].data
    assert fast.steps(data) == 3
    first, again = (weights(fast.fit(data, TASK, 0)) for _ in range(2))
    assert same(first, again)


def test_double_precision_stays_double(learner, settings):
    data = settings["node"].data.clone()
    data.x = data.x.double()
    trained = short(learner).fit(data, TASK, 0)
    assert all(p.dtype == torch.float64 for p in trained.model.parameters())


def test_features_that_are_mostly_zero_will_do(learner, settings):
    data = settings["node"].data.clone()
    data.x = torch.eye(60)
    data.x[:5] = 0
    trained = short(learner).fit(data, TASK, 0)
    assert data.x.layout is torch.strided
    assert torch.isfinite(trained.response(torch.arange(60))).all()


def test_the_objective_goes_on_from_a_trained_model(learner, settings):
    data, fast = settings["node"].data, short(learner)
    if isinstance(fast, Sharded):
        with pytest.raises(UserError, match="trained one by one"):
            fast.objective(data, TASK, 1)
        return
    model = copy.deepcopy(fast.fit(data, TASK, 0).model).train()
    objective = fast.objective(data, TASK, 1)
    for _ in range(2):
        loss = objective(model, Generator().manual_seed(0))
        assert loss.shape == () and torch.isfinite(loss)
        loss.backward()
    assert any(p.grad is not None and bool(p.grad.any()) for p in model.parameters())


@pytest.mark.parametrize("method", [Retrain(), FineTune(), Resume()], ids=lambda m: str(m))
def test_its_result_can_be_forgotten_from(learner, settings, method):
    setting = settings["node"]
    before = short(learner, epochs=12).fit(setting.data, TASK, 0)
    if isinstance(before.learner, Sharded) and not isinstance(method, Retrain):
        with pytest.raises(UserError):  # there is no one training to go on with
            method(before, setting.request("node"), seed=0)
        return
    after = method(before, setting.request("node"), seed=0)
    assert torch.isfinite(after.response(torch.arange(60))).all()


def test_a_whole_class_may_be_missing(learner, settings):
    setting = settings["node"]
    data = ForgetRequest("class", [1]).retained(setting.data)
    trained = short(learner).fit(data, TASK, 0)
    assert torch.isfinite(trained.response(torch.arange(60))).all()


def test_one_class_left_is_learnt_or_refused_with_a_reason(learner, settings):
    data = settings["node"].data.clone()
    data.y[data.train_mask & (data.y != 2)] = -1
    try:
        trained = short(learner).fit(data, TASK, 0)
    except UserError as error:
        assert "at least two classes" in str(error) and "\n" not in str(error)
    else:
        assert torch.isfinite(trained.response(torch.arange(60))).all()


def test_all_nodes_may_be_labelled_and_none_held_out(learner, settings):
    data = settings["node"].data.clone()
    data.train_mask = torch.ones_like(data.train_mask)
    data.val_mask = data.test_mask = torch.zeros_like(data.val_mask)
    trained = short(learner).fit(data, TASK, 0)
    assert torch.isfinite(trained.response(torch.arange(60))).all()


def test_isolated_nodes_and_a_graph_without_edges_will_do(learner, settings):
    data = settings["node"].data.clone()
    data.edge_index = data.edge_index[:, :0]
    trained = short(learner).fit(data, TASK, 0)
    assert torch.isfinite(trained.response(torch.arange(60))).all()


def test_two_labelled_nodes_will_do(learner, settings):
    data = settings["node"].data.clone()
    data.train_mask = torch.zeros_like(data.train_mask)
    data.train_mask[[0, 30]] = True
    trained = short(learner).fit(data, TASK, 0)
    assert torch.isfinite(trained.response(torch.arange(60))).all()


def test_links_are_learnt_or_refused_with_a_reason(learner, settings):
    setting, fast = settings["link"], short(learner)
    try:
        trained = fast.fit(setting.data, setting.task, 0)
    except UserError as error:
        assert "node classification" in str(error) and "\n" not in str(error)
        with pytest.raises(UserError, match="node classification"):
            fast.objective(setting.data, LinkPrediction(8), 0)
    else:
        assert torch.isfinite(trained.response(setting.everything(setting.data))).all()


def spoilt(data, what: str):
    """The data with one thing wrong."""
    data = data.clone()
    if what == "no training node":
        data.train_mask[:] = False
    elif what == "no label on a training node":
        data.y[data.train_mask] = -1
    elif what == "label too large":
        data.y[3] = 3
    elif what == "label too small":
        data.y[3] = -2
    elif what == "labels missing":
        data.y = None
    elif what == "one class":
        data.y[:] = 0
    elif what == "NaN feature":
        data.x[5, 1] = torch.nan
    elif what == "features missing":
        data.x = None
    return data


@pytest.mark.parametrize(
    "what",
    [
        "no training node",
        "no label on a training node",
        "label too large",
        "label too small",
        "labels missing",
        "one class",
        "NaN feature",
        "features missing",
    ],
)
def test_bad_input_is_refused_before_training(learner, settings, what, monkeypatch):
    def none_may_train(*_):
        raise AssertionError("began to train")

    monkeypatch.setattr(learner, "build", none_may_train)
    data = spoilt(settings["node"].data, what)
    task = NodeClassification.of(data) if what == "one class" else TASK
    with pytest.raises(UserError) as told:
        learner().fit(data, task, 0)
    assert "\n" not in str(told.value)


def test_settings_out_of_range_are_refused(learner):
    with pytest.raises(UserError):
        learner(epochs=0)
    with pytest.raises(UserError):
        learner(learning_rate=0.0)
