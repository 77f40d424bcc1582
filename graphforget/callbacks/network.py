"""Forgetting within a network that is being trained: its weights change, the objects stay."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch_geometric.data import Data

from graphforget.core.errors import Refused, UserError
from graphforget.learn.state import optimizer_state
from graphforget.protocols import Learner, Unlearner
from graphforget.request import ForgetRequest
from graphforget.task import Task
from graphforget.trained import Trained

FIRST_MOMENTS = ("exp_avg", "momentum_buffer")
CACHES = ("_cached_edge_index", "_cached_adj_t", "_cached_x")

Place = str | Callable[[nn.Module], nn.Module]
"""Where a network is within a module: a dotted path, or a function that picks it."""


def find_network(module: nn.Module, place: Place | None = None) -> nn.Module:
    """The network with ``forward(x, edge_index)`` inside a module that is being trained.

    Args:
        module: the LightningModule.
        place: a dotted path such as ``model.encoder``, or a function of the module. By default
            the module itself or, failing that, its attribute ``model``.

    Raises:
        UserError: if there is no such network.
    """
    name = type(module).__name__
    if callable(place):
        return place(module)
    if place is not None:
        try:
            return module.get_submodule(place)
        except AttributeError:
            raise UserError(f"{name}: has no submodule {place!r}; correct network=") from None
    for candidate in (module, getattr(module, "model", None)):
        if isinstance(candidate, nn.Module) and _takes_a_graph(candidate):
            return candidate
    raise UserError(
        f"{name}: wanted forward(x, edge_index) on the module or on its .model, found neither; "
        "pass network='path.of.the.network'"
    )


def check_keeps_network(network: nn.Module, data: Data, unlearner: Unlearner) -> None:
    """Raise a `Refused` if a method returns its model inside operators of its own."""
    twin = _uncached_copy(network)
    if unlearner.wrap(twin, _on_device_of(network, data)) is not twin:
        raise Refused(
            f"{type(unlearner).__name__}: puts operators around the network, which a running "
            "training cannot take over; choose a method that only changes weights, or run it "
            "after training"
        )


def forget_in_place(
    network: nn.Module,
    optimizers: Sequence[Optimizer],
    data: Data,
    task: Task,
    unlearner: Unlearner,
    request: ForgetRequest,
    seed: int = 0,
    learner: Learner | None = None,
) -> None:
    """Carry out a request on a copy of a network and put the new weights into the original.

    Parameters stay the same objects, so optimisers, strategies and whatever else refers to them
    go on. If the method raises, the network is as it was.

    What becomes of the optimiser's state: the second moment stays, since it is what holds the rest
    of the network in place, and the first moment of the parameters that changed is set to zero,
    since it is a mean of gradients of weights that are gone. A method that returns a state of its
    own, because it goes on with the training as ``Resume`` does, then puts it in the place of both.

    Args:
        network: with ``forward(x, edge_index)``; changed in place.
        optimizers: those that train it; changed in place.
        data: the graph it was trained on, on any device.
        task: what it answers.
        unlearner: the method.
        request: what must go; edges that are gone already are passed over.
        seed: the method's seed.
        learner: how the network could be trained further, for methods that do so.

    Raises:
        Refused: if the method cannot, or if it builds a network of another shape.
    """
    moments = {k: v for opt in optimizers for k, v in optimizer_state(network, opt).items()}
    trained = Trained(
        model=_uncached_copy(network),
        data=_on_device_of(network, data),
        task=task,
        learner=learner,
        seed=seed,
        optimizer=moments,
    )
    after = unlearner(trained, request, seed, missing=True)
    old = {name: value.detach().clone() for name, value in network.named_parameters()}
    _put_weights(network, after.model.state_dict(), type(unlearner).__name__)
    changed = {n for n, value in network.named_parameters() if not torch.equal(value, old[n])}
    for optimizer in optimizers:
        _drop_momentum(network, optimizer, changed)
        _put_state(network, optimizer, after.optimizer)
    clear_caches(network)


def clear_caches(network: nn.Module) -> None:
    """Make layers with ``cached=True`` forget the normalised graph that they keep."""
    for layer in network.modules():
        for name in CACHES:
            if hasattr(layer, name):
                setattr(layer, name, None)


def _on_device_of(network: nn.Module, data: Data) -> Data:
    return copy.copy(data).to(next(network.parameters()).device)


def _uncached_copy(network: nn.Module) -> nn.Module:
    """A copy whose layers normalise each graph they are asked about."""
    twin = copy.deepcopy(network)
    clear_caches(twin)
    for layer in twin.modules():
        if getattr(layer, "cached", False) is True:
            layer.cached = False  # type: ignore[assignment]
    return twin


def _put_weights(network: nn.Module, weights: Mapping[str, Tensor], method: str) -> None:
    here = {name: value.shape for name, value in network.state_dict().items()}
    if here != {name: value.shape for name, value in weights.items()}:
        raise Refused(
            f"{method}: returns a network of another shape, which a running training cannot take "
            "over; choose a method that only changes weights"
        )
    network.load_state_dict(weights)


def _owned(network: nn.Module, optimizer: Optimizer) -> dict[str, nn.Parameter]:
    ids = {id(p) for group in optimizer.param_groups for p in group["params"]}
    return {name: p for name, p in network.named_parameters() if id(p) in ids}


def _put_state(network: nn.Module, optimizer: Optimizer, state: Mapping[str, Tensor]) -> None:
    for name, parameter in _owned(network, optimizer).items():
        for entry in optimizer.state.get(parameter, {}):
            value = state.get(f"{name}.{entry}")
            if value is not None:
                optimizer.state[parameter][entry] = value.detach().clone()


def _drop_momentum(network: nn.Module, optimizer: Optimizer, changed: set[str]) -> None:
    for name, parameter in _owned(network, optimizer).items():
        for entry in FIRST_MOMENTS:
            moment = optimizer.state.get(parameter, {}).get(entry)
            if name in changed and moment is not None:
                moment.zero_()


def _takes_a_graph(module: nn.Module) -> bool:
    names = list(inspect.signature(module.forward).parameters)
    return len(names) >= 2 and names[1] in ("edge_index", "adj_t", "adj")
