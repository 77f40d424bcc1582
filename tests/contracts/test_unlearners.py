"""The promises that every unlearner keeps; a new one joins by being exported."""

from __future__ import annotations

import pickle
import re
from dataclasses import dataclass, fields, is_dataclass, replace

import pytest
import torch

from graphforget import unlearn
from graphforget.core.config import from_config, to_config
from graphforget.core.errors import Refused, UserError
from graphforget.protocols import Unlearner
from graphforget.removal import HELD_OUT_EDGES, SPLIT_MASKS, pair_codes
from graphforget.request import ForgetRequest
from graphforget.run_folder import data_tensors
from graphforget.trained import Trained
from graphforget.unlearn.relabel import Relabel
from tests.contracts.conftest import IN_SHARDS, own_copy

METHODS: list[Unlearner] = [
    getattr(unlearn, name)()
    for name in unlearn.__all__
    if isinstance(getattr(unlearn, name), type) and issubclass(getattr(unlearn, name), Unlearner)
] + [Relabel(), *IN_SHARDS]
CASES = [("node", kind) for kind in ("node", "edge", "feature", "class")]
CASES += [("link", kind) for kind in ("node", "edge", "feature")]
FROM_DEFAULTS = [("node", "node"), ("link", "edge")]


@dataclass(frozen=True, eq=False)
class Done:
    """One request carried out, in `FROM_DEFAULTS` as the method comes, and what was before."""

    method: Unlearner
    before: Trained
    request: ForgetRequest
    after: Trained
    fingerprint: dict


def fingerprint(trained: Trained) -> dict[str, torch.Tensor]:
    """Copies of every tensor that a run holds."""
    parts = {"model": trained.model.state_dict(), "data": data_tensors(trained.data)}
    parts |= {"optimizer": trained.optimizer}
    parts |= {f"snapshot {epoch}": taken for epoch, taken in trained.snapshots.items()}
    return {f"{part} {k}": v.clone() for part, held in parts.items() for k, v in held.items()}


def same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[k], second[k]) for k in first)


@pytest.fixture(scope="session")
def memory() -> dict:
    return {}


@pytest.fixture(params=METHODS, ids=lambda method: type(method).__name__)
def method(request) -> Unlearner:
    return request.param


@pytest.fixture
def short(method) -> Unlearner:
    """The same method with few steps, where it has steps, for promises that need no more."""
    return replace(method, steps=5) if "steps" in {one.name for one in fields(method)} else method


@pytest.fixture(params=CASES, ids="-".join)
def done(request, method, short, settings, start, memory) -> Done:
    """Computed once for each method and case: no test may leave a trace on it."""
    name, kind = request.param
    used = method if request.param in FROM_DEFAULTS else short
    if (method, name, kind) not in memory:
        before, asked = own_copy(start(method, name)), settings[name].request(kind)
        if reason := used.supports(before, asked):
            pytest.skip(f"refuses: {reason}")
        taken, state = fingerprint(before), torch.random.get_rng_state()
        after = used(before, asked, seed=0)
        memory[method, name, kind] = Done(used, before, asked, after, taken)
        assert torch.equal(state, torch.random.get_rng_state()), "global random state was moved"
    return memory[method, name, kind]


def test_what_was_given_is_untouched(done):
    assert same(fingerprint(done.before), done.fingerprint)
    assert all(p.grad is None for p in done.before.model.parameters())
    assert all(p.requires_grad for p in done.before.model.parameters())
    ours = {tensor.data_ptr() for tensor in done.after.model.state_dict().values()}
    theirs = {tensor.data_ptr() for tensor in done.before.model.state_dict().values()}
    assert not ours & theirs, "the result shares weights with the original"


def test_the_result_is_in_eval_mode_and_finite(done):
    assert not any(module.training for module in done.after.model.modules())
    assert all(torch.isfinite(p).all() for p in done.after.model.parameters())
    assert not any(module._forward_hooks for module in done.after.model.modules())


def test_what_was_forgotten_is_not_in_the_data(done, settings):
    data, request = done.after.data, done.request
    if not done.method.removes:
        pytest.skip("leaves what is named in the data, and says so; labels: tests/unlearn")
    assert same(
        data_tensors(data),
        data_tensors(request.retained(done.before.data)),
    )
    if request.kind == "edge":
        codes = pair_codes(request.tensor, 60)
        for name in ("edge_index", "val_pos_edge_index", "test_pos_edge_index"):
            if name in data:
                assert not torch.isin(pair_codes(data[name], 60), codes).any()
        return
    nodes = request.nodes(done.before.data)
    assert not data.x[nodes].any()
    if request.kind == "feature":
        return
    for name in ("edge_index", *HELD_OUT_EDGES):
        assert name not in data or not torch.isin(data[name], nodes).any()
    if "y" in data:
        assert (data.y[nodes] == -1).all()
        assert not any(data[mask][nodes].any() for mask in SPLIT_MASKS)


def test_the_answers_do_not_read_what_was_forgotten(done, settings):
    """Spoil the original's data, which the result shares tensors with."""
    if not done.method.removes:
        pytest.skip("answers go by features and edges of what is named, which stay")
    setting = settings["link" if "val_pos_edge_index" in done.before.data else "node"]
    items, data = setting.everything(done.after.data), done.before.data
    answer = done.after.response(items)
    saved, gone = data.clone(), done.request.nodes(done.before.data)
    try:
        if done.request.kind == "edge":
            codes = pair_codes(done.request.tensor, 60)
            data.edge_index[:, torch.isin(pair_codes(data.edge_index, 60), codes)] = 0
        else:
            data.x[gone] = torch.nan
        if done.request.kind in ("node", "class"):
            data.edge_index[:, torch.isin(data.edge_index, gone).any(0)] = 0
            if "y" in data:
                data.y[gone] = 2
        assert torch.equal(done.after.response(items), answer)
    finally:
        for key, value in data_tensors(saved).items():
            data[key].copy_(value)


def test_the_result_saved_and_loaded_answers_the_same(done, settings, tmp_path):
    done.after.save(tmp_path / "run")
    loaded = Trained.load(tmp_path / "run")
    setting = settings["link" if "val_pos_edge_index" in done.before.data else "node"]
    items = setting.everything(done.after.data)
    assert torch.equal(loaded.response(items), done.after.response(items))
    assert loaded.history == done.after.history


def test_the_history_says_what_was_done(done):
    (step,) = done.after.history
    assert (step.digest, step.kind, step.size) == (
        done.request.digest,
        done.request.kind,
        done.request.size,
    )
    assert step.unlearner == done.method and step.seed == 0


def test_states_made_with_the_forgotten_data_are_left_behind(done):
    before = {k: v for k, v in done.fingerprint.items() if k.startswith(("opt", "snap"))}
    for name, tensor in fingerprint(done.after).items():
        if name in before and tensor.numel() > 1:
            assert not torch.equal(tensor, before[name])


@pytest.mark.parametrize("name, kind", FROM_DEFAULTS)
def test_double_precision_stays_double(short, name, kind, settings, tmp_path):
    setting = settings[name]
    data = setting.data.clone()
    data.x = data.x.double()
    trained, asked = setting.train(data, method=short), setting.request(kind)
    if reason := short.supports(trained, asked):
        pytest.skip(f"refuses: {reason}")
    after = short(trained, asked)
    assert all(p.dtype == torch.float64 for p in after.model.parameters())
    after.save(tmp_path / "run")
    items = setting.everything(data)
    assert torch.equal(Trained.load(tmp_path / "run").response(items), after.response(items))


@pytest.mark.parametrize("name, kind", [("node", "node"), ("node", "edge"), ("link", "edge")])
def test_the_same_seed_gives_the_same_model(short, name, kind, settings, start):
    asked, before = settings[name].request(kind), start(short, name)
    if reason := short.supports(before, asked):
        pytest.skip(f"refuses: {reason}")
    first, second = (short(before, asked, seed=3).model.state_dict() for _ in range(2))
    assert same(first, second)


def test_a_second_request_is_carried_out_or_refused(short, settings, start, tmp_path):
    setting = settings["node"]
    first = short(start(short, "node"), setting.request("node", seed=1))
    asked = setting.request("edge", seed=2)
    if short.supports(first, asked) is None:
        second = short(first, asked)
        second.save(tmp_path / "run")
        items = torch.arange(60)
        assert torch.equal(Trained.load(tmp_path / "run").response(items), second.response(items))
        assert len(second.history) == 2


def test_it_is_its_configuration(method):
    assert is_dataclass(method) and type(method).__dataclass_params__.frozen
    assert method == replace(method) and hash(method) == hash(replace(method))
    assert type(method)() == type(method)()
    assert pickle.loads(pickle.dumps(method)) == method
    assert from_config(to_config(method)) == method
    names = {name: getattr(unlearn, name) for name in unlearn.__all__}
    try:
        assert eval(repr(method), dict(names)) == method
    except NameError:  # a part that the package does not export: the configuration names it
        assert repr(from_config(to_config(method))) == repr(method)


def test_it_refuses_before_it_works(method, settings, start, monkeypatch):
    """Whatever it refuses, the reason is that of `supports` and nothing is computed."""
    before = start(method, "node")
    bare = Trained.wrap(before.model, before.data, before.task)
    everything = ForgetRequest("node", before.data.train_mask.nonzero().flatten())
    stranger = ForgetRequest("node", [19])  # a test node
    for run, asked in [
        (bare, settings["node"].request("node")),
        (before, everything),
        (before, stranger),
        (replace(before, optimizer={}, snapshots={}), stranger),
    ]:
        reason = method.supports(run, asked)
        if reason is None:
            continue
        with monkeypatch.context() as patch:
            patch.setattr(type(method), "forget", lambda *_a, **_k: pytest.fail("it worked"))
            with pytest.raises(Refused, match=re.escape(reason)):
                method(run, asked)


def test_what_is_not_there_is_an_error_of_the_user(method, start):
    for absent in (
        ForgetRequest("node", [60]),
        ForgetRequest("edge", [[0, 99]]),
        ForgetRequest("class", [7]),
        ForgetRequest("user", [1]),
    ):
        with pytest.raises(UserError, match="request"):
            method(start(method, "node"), absent)


def test_an_edge_that_is_not_there_passes_only_when_told(short, start):
    before = start(short, "node")
    present = before.data.edge_index[:, :1].t().tolist()
    absent = ForgetRequest("edge", [*present, [0, 59]])
    assert [0, 59] not in before.data.edge_index.t().tolist()
    with pytest.raises(UserError, match="1 of 2 edges are not in the graph"):
        short(before, absent)
    if short.supports(before, absent) is None:
        assert short(before, absent, missing=True).history[-1].size == 2


def test_a_module_of_the_users_own_is_refused_or_unlearned(short, settings, start):
    before = start(short, "node")
    bare = Trained.wrap(before.model, before.data, before.task)
    asked = settings["node"].request("node")
    if short.supports(bare, asked) is None:
        assert short(bare, asked).learner is None
