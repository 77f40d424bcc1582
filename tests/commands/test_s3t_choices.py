"""Public ids, priors and orders of one's own, from files to the plan that is trained."""

from __future__ import annotations

import json

import numpy as np
import pytest

from graphforget.exact.layout import open_system
from graphforget.exact.plan import Plan
from tests.commands.conftest import graph_file
from tests.commands.test_s3t_service import QUICK

SIZES = ("--shards", 2, "--slices", 4)


@pytest.fixture
def files(tmp_path):
    contents = {"public": "3 5\n7, 9\n", "prior": "0 .1 .3 .6", "orders": "0 1 2 3\n\n0,3,2,1\n"}
    for name, content in contents.items():
        (tmp_path / name).write_text(content)
    return tmp_path


def test_public_ids_keep_shards_alight(tell, files):
    told = tell("s3t", "plan", *SIZES, "--public", files / "public", "--json").json
    assert told["paths"] == 3 and told["deletions_to_first_dark"] is None
    assert told["curve"][-1]["retained"] == 0.25 and told["curve"][-1]["dark"] == 0
    assert "no number is enough" in tell("s3t", "plan", *SIZES, "--public", files / "public").out


def test_a_prior_chooses_orders_and_weighs_what_is_kept(tell, files):
    words = ("s3t", "plan", *SIZES, "--orders", 2, "--json")
    alike = tell(*words).json
    told = tell(*words, "--prior", files / "prior").json
    assert told["paths"] == 2 and told["curve"][1] != alike["curve"][1]
    rotated = tell(*words[:-3], "--orders-file", files / "orders", "--prior", files / "prior",
                   "--json").json
    assert told["repair_cost"] < rotated["repair_cost"]
    subsets = tell(*words[:-3], "--subsets", 4, "--prior", files / "prior", "--json").json
    assert subsets["curve"][4]["retained"] > 0.4 and not subsets["chained"]


def test_a_service_is_trained_by_the_files_and_public_ids_are_in_every_first_stage(
    tell, files, tmp_path
):
    svc, graph = tmp_path / "svc", graph_file(tmp_path)
    words = ("s3t", "train", svc, "--data", graph, *QUICK[:2], "--slices", "4", *QUICK[6:],
             "--public", files / "public", "--orders-file", files / "orders")
    told = tell(*words, "--json")
    assert told.code == 0, told.err
    plan = open_system(svc).plan
    assert plan.placement.public == (3, 5, 7, 9)
    assert plan.paths == ((0, 1, 2, 3), (0, 3, 2, 1))
    assert all(plan.placement.place(node)[1] == 0 for node in plan.placement.public)
    (tmp_path / "asked.json").write_text(json.dumps({"kind": "node", "index": [*range(10, 50)]}))
    assert tell("s3t", "forget", svc, "--request", tmp_path / "asked.json").code == 0
    hosts = tell("s3t", "status", svc, "--json").json["hosts"]
    assert all(one["depth"] >= 1 for one in hosts[0]["shards"].values())
    assert tell("s3t", "repair", svc).code == 0 and tell("s3t", "verify", svc).code == 0


def test_learners_of_whole_models_take_public_ids_and_priors(tell, files, tmp_path):
    graph = graph_file(tmp_path)
    for learner, more in (("SliceSubsets", ("--cost", 3, "--prior", files / "prior")),
                          ("SISA", ())):
        told = tell("s3t", "train", tmp_path / learner, "--data", graph, "--shards", 2,
                    "--slices", 4, "--learner", learner, "--learner.learner.epochs", 2,
                    "--public", files / "public", *more)
        assert told.code == 0, told.err
        assert all(path[0] == 0 for path in open_system(tmp_path / learner).plan.paths)


def test_without_files_the_plan_is_as_before(tell, tmp_path):
    told = tell("s3t", "train", tmp_path / "svc", "--data", graph_file(tmp_path), *QUICK)
    assert told.code == 0
    assert open_system(tmp_path / "svc").plan == Plan.chains(2, 2, 2)


@pytest.mark.parametrize(
    ("words", "content", "says"),
    [
        (["--public"], "3 x", "FILE, line 1: wanted ids with spaces or commas between them"),
        (["--public"], "3\n-1", "FILE, line 2: wanted ids from 0, got -1"),
        (["--public"], "3\n99", "--public: wanted ids below 60, got 99"),
        (["--public"], " \n", "FILE: wanted ids, got an empty file"),
        (["--public"], None, "FILE: wanted a file of ids, it cannot be read"),
        (["--prior"], ".5 .6 0 0", "FILE: prior: wanted a probability for each slice, in sum 1"),
        (["--prior"], ".5 .5", "--prior: wanted one number for each of 4 slices, got 2"),
        (["--prior"], "nan 1 0 0", "FILE: prior: wanted a probability"),
        (["--orders-file"], "0 1 2 9", "order: wanted slices from 0 to 3"),
        (["--orders-file"], "0 1 1", "order: wanted every slice at most once"),
        (["--orders-file"], "0 1.5", "FILE, line 1: wanted slices with spaces"),
        (["--orders", 2, "--orders-file"], "0 1", "the file has orders already"),
        (["--subsets", 4, "--orders-file"], "0 1", "--orders-file: is for chains"),
    ],
)
def test_files_that_say_nothing_sensible_are_refused(refused, tmp_path, words, content, says):
    path = tmp_path / "file"
    if content is not None:
        path.write_text(content)
    said = refused("s3t", "plan", *SIZES, "--nodes", 60, *words, path)
    assert says.replace("FILE", str(path)) in said


def test_choices_that_do_not_fit_each_other_are_refused(refused, files, tmp_path, tmp_path_factory):
    both = ("--prior", files / "prior", "--orders-file", files / "orders")
    graph = graph_file(tmp_path_factory.mktemp("graph"))
    train = ("s3t", "train", tmp_path / "svc", "--data", graph, *SIZES)
    assert "--orders-file has them already" in refused(*train, *both)
    assert "one order are not chosen" in refused(*train, "--learner", "SISA", *both[:2])
    (files / "prior").write_text(".25 .25 .25 .25")
    said = refused("s3t", "plan", *SIZES, "--public", files / "public", *both[:2])
    assert "wanted 0 for the public slice" in said
    np.savetxt(tmp_path / "public", [3, 99], fmt="%d")
    assert "wanted ids below 60, got 99" in refused(*train, "--public", files / "public")
