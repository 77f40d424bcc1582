"""Learners in shards from the command line: as runs, and as a service."""

from tests.commands.conftest import graph_file

QUICK = ("--learner.shards", 2, "--learner.slices", 2, "--learner.epochs", 5)


def test_a_run_in_shards_forgets_by_switching_off_and_by_repair(tell, tmp_path):
    graph = graph_file(tmp_path)
    told = tell("train", "--data", graph, "--learner", "S3T", *QUICK, "--out", tmp_path / "run")
    assert told.code == 0, told.err
    for repair in ("false", "true"):
        words = ["--method", "S3T", "--method.repair", repair, "--sample", "nodes:2"]
        told = tell("forget", tmp_path / "run", *words, "--out", tmp_path / repair)
        assert told.code == 0, told.err
        assert "shards=2" in told.out and f"repair={repair.title()}" in told.out  # what was done
    assert tell("predict", tmp_path / "false", "--out", tmp_path / "p.npy").code == 0


def test_a_run_of_another_learner_is_refused_with_the_way_out(node_run, refused, tmp_path):
    words = ["--method", "S3T", "--sample", "nodes:2", "--out", tmp_path / "after"]
    said = refused("forget", node_run, *words)
    assert "was not trained in shards; train it with S3T as the learner" in said


def test_links_are_refused_before_any_work(refused, tmp_path, tmp_path_factory):
    graph = graph_file(tmp_path_factory.mktemp("links"))
    words = ["--task", "link", "--learner", "S3T", "--out", tmp_path / "run"]
    assert "S3T: wanted node classification" in refused("train", "--data", graph, *words)


def test_a_service_takes_exact_learners_only(refused, tmp_path, tmp_path_factory):
    graph = graph_file(tmp_path_factory.mktemp("service"))
    words = ["--data", graph, "--learner", "GraphEraser"]
    assert "wanted an exact one" in refused("s3t", "train", tmp_path / "shop", *words)
