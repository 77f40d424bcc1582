"""What the coding-rate loss costs, against a plain ``Zᵀ Z`` of the same size, and how exact it is.

For each size: CPU time of value and gradient, in turns with a plain product of the same rows, and
the ratio of the smallest times; how much the process's peak memory grew, against the size of Z;
the error of single precision against double. At the first size also the naive form: memberships as
diagonal matrices, autograd through log-determinants. Rows are synthetic and look like the encoder's
output: nonnegative, row sums up to one, alike within a class. Wanted: errors up to 1e-5, a ratio of
at most 3.1 at the largest size.

    python benchmarks/coding_rate.py [--sizes 2708:7,20000:70,169343:40] [--rounds 3] [--naive]
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from graphforget.learn.rate.fused import value_and_gradient
from graphforget.learn.rate.loss import coding_rate_loss

MB = 1e6


def synthetic(n: int, classes: int, dimension: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Rows ``(n, d)`` and labels ``(n,)``."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(classes, (n,), generator=generator)
    z = torch.randn(classes, dimension, generator=generator)[labels]
    z.add_(torch.randn(n, dimension, generator=generator)).relu_()
    return z.div_(z.sum(1, keepdim=True)), labels


def naive_loss(z: Tensor, labels: Tensor, classes: int, gamma2=2.0, eps=0.05) -> Tensor:
    """The loss as one would first write it: K memberships of n by n, autograd for the gradient."""
    n, d = z.shape
    identity = torch.eye(d, dtype=z.dtype)
    loss = -gamma2 / 2 * torch.logdet(identity + d / (n * eps) * z.T @ z)
    for k in range(classes):
        member = torch.diag((labels == k).to(z.dtype))
        share = member.trace() / n
        inner = z.T @ member @ z
        loss = loss + share / 2 * torch.logdet(identity + d / (share * n * eps) * inner)
    return loss


def cpu_seconds(deed: Callable[[], object], rounds: int) -> float:
    """The smallest CPU time of a few."""
    times = []
    for _ in range(rounds):
        start = time.process_time()
        deed()
        times.append(time.process_time() - start)
    return min(times)


def peak_mb() -> float:
    """Most memory that this process has held so far."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / MB


def with_gradient(loss: Callable[..., Tensor], z: Tensor, *rest: object) -> Tensor:
    """The gradient of a loss at ``z``."""
    z = z.detach().requires_grad_()
    return torch.autograd.grad(loss(z, *rest), z)[0]


def measured(n: int, classes: int, dimension: int, rounds: int, naive: bool) -> dict[str, float]:
    """One row of the table."""
    z, labels = synthetic(n, classes, dimension)
    before = peak_mb()
    with_gradient(coding_rate_loss, z, labels, classes)  # also warms up
    row: dict[str, float] = {"n": n, "classes": classes, "d": dimension}
    row |= {"z_mb": z.numel() * 4 / MB, "peak_growth_mb": peak_mb() - before, "peak_mb": peak_mb()}
    plain, fused = [], []
    for _ in range(rounds):
        plain.append(cpu_seconds(lambda: z.T @ z, 1))
        fused.append(cpu_seconds(lambda: with_gradient(coding_rate_loss, z, labels, classes), 1))
    row |= {"gram_s": min(plain), "loss_s": min(fused), "ratio": min(fused) / min(plain)}
    if naive:
        row["naive_s"] = cpu_seconds(lambda: with_gradient(naive_loss, z, labels, classes), 1)
        row["naive_ratio"] = row["naive_s"] / min(fused)
    value, slope = value_and_gradient(z, labels, classes)
    true, gradient = value_and_gradient(z.double(), labels, classes)
    assert slope is not None and gradient is not None
    row["value_error"] = float(((value - true) / true).abs())
    row["gradient_error"] = float((slope - gradient).norm() / gradient.norm())
    return row


def main() -> None:
    """Print the table, one JSON line a size."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", default="2708:7,20000:70,169343:40", help="rows:classes, ...")
    parser.add_argument("--dimension", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--naive", action="store_true", help="measure the naive form at the first")
    parser.add_argument("--out", help="file to append the lines to")
    given = parser.parse_args()
    torch.set_num_threads(1)
    for place, size in enumerate(given.sizes.split(",")):
        n, classes = map(int, size.split(":"))
        row = measured(n, classes, given.dimension, given.rounds, given.naive and place == 0)
        line = json.dumps({key: float(f"{value:.4g}") for key, value in row.items()})
        print(line, flush=True)
        if given.out:
            with Path(given.out).open("a") as file:
                file.write(line + "\n")


if __name__ == "__main__":
    main()
