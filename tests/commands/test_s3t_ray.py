"""The verbs of a service on a cluster give what they give in one process."""

from __future__ import annotations

import numpy as np
import pytest

from graphforget.exact.actors import connected
from tests.commands.conftest import graph_file
from tests.commands.test_s3t_service import QUICK
from tests.exact.systems import equal_weights


@pytest.mark.slow
@pytest.mark.ray
def test_every_verb_on_a_cluster(tell, tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    words = ("--data", graph_file(tmp_path), *QUICK, "--hosts", "2")
    assert tell("s3t", "train", here, *words).code == 0
    ray = connected("local", num_cpus=2)
    try:
        assert tell("s3t", "train", there, *words, "--pool", "ray").code == 0
        assert equal_weights(here, there)
        for folder, where in ((here, ()), (there, ("--pool", "ray"))):
            for verb in (("forget", "--sample", "nodes:4"), ("forget", "--sample", "edges:4"),
                         ("predict", "--out", f"{folder}-off.npy"), ("status",), ("repair",),
                         ("predict", "--out", f"{folder}-on.npy"), ("verify",)):
                told = tell("s3t", verb[0], folder, *verb[1:], *where)
                assert told.code == 0, told.err
        for when in ("off", "on"):
            answers = [np.load(f"{folder}-{when}.npy") for folder in (here, there)]
            np.testing.assert_array_equal(*answers)
        stopped = tell("s3t", "stop", there, "--pool", "ray", "--json").json["stopped"]
        assert stopped == ["host-0", "host-1", "router"]
        assert "nothing of" in tell("s3t", "stop", there, "--pool", "ray").out
        assert tell("s3t", "predict", there).code == 0  # the next process serves it
    finally:
        ray.shutdown()
