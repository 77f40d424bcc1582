"""Conjugate gradients on lists of tensors, one a parameter, inside a ball."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

Vector = list[Tensor]
"""One tensor a parameter."""


def conjugate_gradients(
    product: Callable[[Vector], Vector],
    right: Vector,
    metric: Vector,
    iterations: int,
    reach: float = math.inf,
) -> Vector:
    """Solve ``H x = right`` for a positive definite ``H`` that is given by its products.

    Stops early where a direction has no positive curvature, nothing is left to solve or the
    solution would leave a ball, on whose surface it then ends (Steihaug, 1983).

    Args:
        product: the function ``v -> H v`` on lists of tensors.
        right: the right-hand side, one tensor a parameter.
        metric: positive diagonal preconditioner, of the same shapes; ``H`` is roughly this.
        iterations: the most products to take.
        reach: radius of the ball.

    >>> matrix = torch.tensor([[4., 1.], [1., 3.]])
    >>> right = [torch.tensor([1., 2.])]
    >>> solve = conjugate_gradients(lambda v: [matrix @ v[0]], right, [torch.ones(2)], 2)
    >>> solve[0].round(decimals=4)
    tensor([0.0909, 0.6364])
    """
    solution = [torch.zeros_like(r) for r in right]
    residual = [r.clone() for r in right]
    scaled = [r / m for r, m in zip(residual, metric, strict=True)]
    direction = scaled
    energy = dot(residual, scaled)
    for _ in range(iterations):
        image = product(direction)
        curvature = dot(direction, image)
        if curvature <= 0 or energy <= 0:
            break
        size = energy / curvature
        ahead = moved(solution, direction, size)
        if norm(ahead) > reach:
            return moved(solution, direction, to_surface(solution, direction, reach))
        solution = ahead
        residual = [r - size * i for r, i in zip(residual, image, strict=True)]
        scaled = [r / m for r, m in zip(residual, metric, strict=True)]
        previous, energy = energy, dot(residual, scaled)
        direction = [s + energy / previous * d for s, d in zip(scaled, direction, strict=True)]
    return solution


def to_surface(inside: Vector, direction: Vector, radius: float) -> float:
    """How far to go from a point inside a ball to reach its surface.

    >>> to_surface([torch.tensor([3.])], [torch.tensor([2.])], 5.0)
    1.0
    """
    a, b = dot(direction, direction), dot(inside, direction)
    c = dot(inside, inside) - radius**2
    return (math.sqrt(max(0.0, b * b - a * c)) - b) / a


def moved(origin: Vector, along: Vector, scale: float) -> Vector:
    """The point ``origin + scale * along``."""
    return [o + scale * a for o, a in zip(origin, along, strict=True)]


def dot(first: Vector, second: Vector) -> float:
    """Inner product of two lists of tensors."""
    return float(sum((a * b).sum() for a, b in zip(first, second, strict=True)))


def norm(vector: Vector) -> float:
    """Euclidean length of a list of tensors."""
    return math.sqrt(max(0.0, dot(vector, vector)))
