from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest
import torch

from graphforget.core.pool import LocalPool, Pool, RayPool


def make_work():
    """A function of one number; made here so that it travels by value to another process."""

    def work(number: int):
        if number == 3:
            raise ValueError("three is not allowed")
        generator = torch.Generator().manual_seed(number)
        return torch.rand(4, generator=generator).tolist()

    return work


def answers(pool: Pool) -> dict[int, str]:
    return {item: repr(result) for item, result in pool.map(make_work(), range(6))}


@pytest.fixture(scope="module")
def cluster():
    with RayPool(num_cpus=2, in_flight=3) as pool:
        yield pool


def test_a_failing_item_comes_back_as_its_exception_and_the_rest_go_on() -> None:
    results = dict(LocalPool().map(make_work(), range(6)))
    assert isinstance(results[3], ValueError) and "work" in results[3].__notes__[0]
    assert all(isinstance(results[item], list) for item in (0, 1, 2, 4, 5))


def test_items_are_taken_as_there_is_room() -> None:
    pairs = LocalPool().map(lambda n: n, iter(range(10**12)))
    assert next(pairs) == (0, 0)


def test_a_pool_travels_without_what_it_started() -> None:
    pool = RayPool(num_cpus=2, retries=1)
    pool._started = True
    copy = pickle.loads(pickle.dumps(pool))
    assert (copy.num_cpus, copy.retries, copy._started) == (2, 1, False)


@pytest.mark.slow
@pytest.mark.ray
def test_both_pools_give_equal_results(cluster) -> None:
    assert answers(cluster) == answers(LocalPool())


@pytest.mark.slow
@pytest.mark.ray
def test_a_failing_item_comes_back_from_the_cluster_with_its_traceback(cluster) -> None:
    error = dict(cluster.map(make_work(), [3]))[3]
    assert isinstance(error, ValueError) and "three is not allowed" in str(error)
    assert "Traceback" in error.__notes__[0]


@pytest.mark.slow
@pytest.mark.ray
def test_a_lost_worker_is_tried_again_and_an_error_is_not(cluster, tmp_path) -> None:
    def once_lost(name: str) -> int:
        attempts = Path(name)
        with open(attempts, "a") as file:
            file.write("x")
        if attempts.name == "lost" and len(attempts.read_text()) == 1:
            os._exit(1)
        if attempts.name == "error":
            raise ValueError(name)
        return len(attempts.read_text())

    lost, error = str(tmp_path / "lost"), str(tmp_path / "error")
    results = dict(cluster.map(once_lost, [lost, error]))
    assert results[lost] == 2
    assert isinstance(results[error], ValueError) and Path(error).read_text() == "x"


@pytest.mark.slow
@pytest.mark.ray
def test_a_worker_that_is_always_lost_is_an_exception_of_its_item_alone(cluster) -> None:
    def lost(number: int) -> int:
        if number == 1:
            os._exit(1)
        return number

    results = dict(cluster.map(lost, [0, 1, 2]))
    assert isinstance(results[1], Exception) and (results[0], results[2]) == (0, 2)
