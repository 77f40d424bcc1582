"""Two processes with half of the rows each have the loss and the gradient of one with all."""

from __future__ import annotations

import socket

import pytest
import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from graphforget.learn.rate.grams import two_pass
from graphforget.learn.rate.loss import coding_rate_loss

CLASSES = 3
SPLITS = {"uneven": [(0, 14), (14, 50)], "one has no row": [(0, 50), (50, 50)]}


class UnitRows(nn.Module):
    """Rows of length one, as encoders give them to the coding rate."""

    def forward(self, z):
        return nn.functional.normalize(z, dim=1)


def network() -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(6, 24), nn.ReLU(), nn.Linear(24, 16), UnitRows())


def table() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(50, 6, generator=generator)
    return x, torch.randint(-1, CLASSES, (50,), generator=generator)


def gradients(model: nn.Module) -> list[torch.Tensor]:
    return [weight.grad.clone() for weight in model.parameters()]


def represent(model, batch):
    return model(batch[0]), batch[1]


def of_one_process() -> tuple[float, list[torch.Tensor]]:
    model, (x, labels) = network(), table()
    loss = coding_rate_loss(model(x), labels, CLASSES)
    loss.backward()
    return float(loss.detach()), gradients(model)


def of_two_passes(rank: int, start: int, end: int) -> tuple[float, list[torch.Tensor]]:
    model, (x, labels) = network(), table()
    mine = list(zip(x[start:end].split(5), labels[start:end].split(5), strict=True))
    mine = mine or [(x[:0], labels[:0])]
    loss = two_pass(model, mine, represent, CLASSES, distributed=True)
    loss.backward()
    return float(loss.detach()), gradients(model)


def of_ddp(model: nn.Module, start: int, end: int) -> tuple[float, list[torch.Tensor]]:
    x, labels = table()
    loss = coding_rate_loss(model(x[start:end]), labels[start:end], CLASSES, distributed=True)
    loss.backward()
    return float(loss.detach()), gradients(model)


def alone(rank: int, start: int, end: int) -> bool:
    """Whether a group of this process alone gives what no group gives."""
    groups = [dist.new_group([0]), dist.new_group([1])]
    x, labels = table()
    rows = torch.cat([x[rank::2], x[rank::2] ** 2], dim=1)
    of_group = coding_rate_loss(
        rows, labels[rank::2], CLASSES, distributed=True, process_group=groups[rank]
    )
    return bool(torch.isclose(of_group, coding_rate_loss(rows, labels[rank::2], CLASSES)))


def work(rank: int, port: int, folder: str) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", f"tcp://127.0.0.1:{port}", rank=rank, world_size=2)
    try:
        found = {}
        for name, split in SPLITS.items():
            found[name, "ddp"] = of_ddp(DistributedDataParallel(network()), *split[rank])
            found[name, "two passes"] = of_two_passes(rank, *split[rank])
        found["alone"] = alone(rank, 0, 50)
        torch.save(found, f"{folder}/{rank}.pt")
    finally:
        dist.destroy_process_group()


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def assert_same(found, true):
    assert abs(found[0] - true[0]) < 1e-5 * abs(true[0])
    for a, b in zip(found[1], true[1], strict=True):
        assert float((a - b).norm()) < 1e-5 * float(b.norm())


def test_without_processes_asking_for_them_changes_nothing():
    assert_same(of_ddp(network(), 0, 50), of_one_process())


@pytest.mark.slow
def test_two_processes_are_one(tmp_path):
    torch.multiprocessing.spawn(work, (free_port(), str(tmp_path)), nprocs=2)
    true = of_one_process()
    for rank in range(2):
        found = torch.load(tmp_path / f"{rank}.pt", weights_only=True)
        assert found.pop("alone")
        assert len(found) == 4
        for pair in found.values():
            assert_same(pair, true)


def ray_work(settings: dict) -> None:
    """What a user writes in Ray Train: prepare the model, call the loss, go on."""
    from ray import train
    from ray.train.torch import prepare_model

    rank = train.get_context().get_world_rank()
    found = of_ddp(prepare_model(network()), *SPLITS["uneven"][rank])
    torch.save(found, f"{settings['folder']}/{rank}.pt")
    train.report({"loss": found[0]})


@pytest.mark.slow
@pytest.mark.ray
def test_two_workers_of_ray_train_are_one(tmp_path):
    import ray
    from ray.train import RunConfig, ScalingConfig
    from ray.train.torch import TorchTrainer

    ray.init(num_cpus=3, include_dashboard=False, log_to_driver=False, logging_level="error")
    try:
        TorchTrainer(
            ray_work,
            train_loop_config={"folder": str(tmp_path)},
            scaling_config=ScalingConfig(num_workers=2),
            run_config=RunConfig(storage_path=str(tmp_path / "ray")),
        ).fit()
    finally:
        ray.shutdown()
    for rank in range(2):
        assert_same(torch.load(tmp_path / f"{rank}.pt", weights_only=True), of_one_process())
