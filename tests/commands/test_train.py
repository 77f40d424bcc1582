import json

import pytest
import torch

from graphforget.trained import Trained
from tests.commands.conftest import QUICK, graph_file


def test_node_run_is_whole(node_run):
    trained = Trained.load(node_run)
    metrics = json.loads((node_run / "metrics.json").read_text())
    assert metrics["test_accuracy"] > 0.4 and metrics["seconds"] > 0
    assert type(trained.learner).__name__ == "CrossEntropy" and trained.learner.epochs == 10
    assert json.loads((node_run / "data.json").read_text())["name"] == "graph"
    assert str(node_run.parent) not in (node_run / "config.json").read_text()


def test_link_run_is_whole(link_run):
    metrics = json.loads((link_run / "metrics.json").read_text())
    assert 0 <= metrics["test_auc"] <= 1
    assert "test_pos_edge_index" in Trained.load(link_run).data


def test_json_says_what_the_folder_says(tell, tmp_path):
    out = tmp_path / "run"
    told = tell("train", "--data", graph_file(tmp_path), *QUICK, "--out", out, "--json")
    assert told.code == 0
    assert told.json["metrics"] == json.loads((out / "metrics.json").read_text())


@pytest.mark.parametrize(
    ("model", "name"), [("gcn", "GCN"), ("gat", "GAT"), ("gin", "GIN"), ("sage", "GraphSAGE")]
)
def test_model_chooses_the_encoder_and_keeps_the_rest(tell, tmp_path, model, name):
    words = ["train", "--data", graph_file(tmp_path), *QUICK, "--model", model]
    assert tell(*words, "--out", tmp_path / "run").code == 0
    encoder = Trained.load(tmp_path / "run").learner.encoder
    assert type(encoder).__name__ == name and encoder.hidden == 8


def test_seed_decides_split_and_weights(tell, tmp_path):
    graph = graph_file(tmp_path)
    runs = {}
    for name, seeds in {
        "a": ["--seed", 1], "b": ["--seed", 1], "c": ["--seed", 2],
        "d": ["--seed", 2, "--split_seed", 1],
    }.items():
        assert tell("train", "--data", graph, *QUICK, *seeds, "--out", tmp_path / name).code == 0
        runs[name] = Trained.load(tmp_path / name)

    def same(first, second):
        masks = torch.equal(runs[first].data.train_mask, runs[second].data.train_mask)
        weights = zip(runs[first].model.parameters(), runs[second].model.parameters(), strict=True)
        return masks, all(torch.equal(a, b) for a, b in weights)

    assert same("a", "b") == (True, True)
    assert same("a", "c") == (False, False)
    assert same("a", "d") == (True, False)


def test_config_file_gives_what_print_config_wrote(tell, tmp_path):
    graph = graph_file(tmp_path)
    words = ["train", "--data", graph, *QUICK, "--model", "gat", "--out", tmp_path / "run"]
    config = tmp_path / "train.yaml"
    config.write_text(tell(*words, "--print_config").out)
    assert not (tmp_path / "run").exists()
    assert tell("train", "--config", config, "--learner.epochs", 3).code == 0
    learner = Trained.load(tmp_path / "run").learner
    assert (learner.epochs, learner.encoder.hidden) == (3, 8)


def test_noise_is_in_the_runs_data_and_not_in_its_test_labels(tell, tmp_path):
    words = ["train", "--data", graph_file(tmp_path), *QUICK, "--seed", 3]
    options = {
        "clean": [], "noisy": ["--noise", "asymmetric:0.4"],
        "half": ["--noise", "asymmetric:0.4", "--clean_validation"],
    }
    data, metrics = {}, {}
    for name, more in options.items():
        assert tell(*words, *more, "--out", tmp_path / name).code == 0
        data[name] = Trained.load(tmp_path / name).data
        metrics[name] = json.loads((tmp_path / name / "metrics.json").read_text())
    moved = {name: data[name].y != data["clean"].y for name in options}
    train, val, test = (data["clean"][f"{part}_mask"] for part in ("train", "val", "test"))
    assert moved["noisy"][train].any() and moved["noisy"][val].any()
    assert torch.equal(moved["noisy"][train], moved["half"][train])
    assert not moved["half"][val].any()
    assert not moved["noisy"][test].any() and not moved["half"][test].any()
    share = float(moved["noisy"][train].float().mean())
    assert metrics["noisy"]["label_noise"] == pytest.approx(share) and 0.2 < share < 0.6
    assert "label_noise" not in metrics["clean"]


def test_noise_is_drawn_from_the_seed_and_the_split_seed_does_not_move_it(tell, tmp_path):
    from graphforget.data import Pair, with_noise

    words = ["train", "--data", graph_file(tmp_path), *QUICK, "--split_seed", 1]
    for name, more in {
        "clean": [], "a": ["--noise", "pair:0.5", "--seed", 5],
        "b": ["--noise", "pair:0.5", "--seed", 6],
    }.items():
        assert tell(*words, *more, "--out", tmp_path / name).code == 0
    clean, first, second = (Trained.load(tmp_path / name).data for name in ("clean", "a", "b"))
    wanted = with_noise(clean, Pair(0.5), seed=5, validation=True)
    assert torch.equal(first.y, wanted.y) and not torch.equal(first.y, second.y)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--noise", "uniform:0.3"], "is not understood"),
        (["--noise", "symmetric:1"], "rate: wanted 0 up to below 1"),
        (["--noise", "symmetric:-0.2"], "rate: wanted 0 up to below 1"),
        (["--noise", ""], "is not understood"),
        (["--noise", "pair:0.1", "--task", "link"], "links have no labels"),
        (["--clean_validation"], "without --noise"),
    ],
)
def test_bad_noise_is_refused_before_any_work(refused, tmp_path, monkeypatch, words, says):
    graph = graph_file(tmp_path)
    monkeypatch.setattr("graphforget.commands.train.prepared", None)
    assert says in refused("train", "--data", graph, *QUICK, "--out", tmp_path / "run", *words)


def test_replace_takes_the_place_of_a_run_only(tell, refused, tmp_path):
    words = ["train", "--data", graph_file(tmp_path), *QUICK, "--out"]
    assert tell(*words, tmp_path / "run").code == 0
    assert "exists" in refused(*words, tmp_path / "run")
    assert tell(*words, tmp_path / "run", "--replace", "--seed", 5).code == 0
    assert Trained.load(tmp_path / "run").seed == 5
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    assert "run folders only" in refused(*words, tmp_path / "mine", "--replace")


def test_a_place_below_a_file_is_refused_before_any_work(refused, tmp_path, monkeypatch):
    graph = graph_file(tmp_path)
    monkeypatch.setattr("graphforget.commands.train.prepared", None)
    assert "is a file" in refused("train", "--data", graph, *QUICK, "--out", graph / "run")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--nope", "1"], "--nope"),
        (["--seed", "-1"], "--seed"),
        (["--seed", "abc"], "--seed"),
        (["--seed", "99999999999999999999"], "--seed"),
        (["--task", "graph"], "--task: wanted one of 'node', 'link', got graph"),
        (["--model", "bert"], "--model: wanted one of"),
        (["--model", "gat", "--learner.encoder", "GIN"], "give one of both"),
        (["--learner", "Foo"], "there is no 'Foo'"),
        (["--learner", "os.system"], "may not be named"),
        (["--learner", "graphforget.core.files.os.system"], "may not be named"),
        (["--learner", "Unlink"], "--learner"),
        (["--learner.epochs", "many"], "--learner: CrossEntropy: --epochs: wanted int, got many"),
        (["--learner.epochs", "-5"], "epochs"),
        (["--learner.colour", "red"], "has no option 'colour'"),
        (["--learner.encoder.hidden", "0"], "hidden"),
        (["--learner.encoder.dropout", "7"], "dropout"),
        (["--data", "dogits"], "did you mean 'digits'?"),
        (["--data", "missing/graph.npz"], "missing/graph.npz"),
        (["--data", "cora", "--root", "/nowhere"], "/nowhere"),
        (["--config", "missing.yaml"], "missing.yaml"),
    ],
)
def test_bad_options_are_refused(refused, tmp_path, words, says):
    given = ["train", "--data", graph_file(tmp_path), "--out", tmp_path / "run"]
    assert says in refused(*given, *words)


@pytest.mark.parametrize(
    "text",
    [
        "learner: !!python/object/apply:os.system ['touch hacked']",
        "learner: {class_path: os.system, init_args: {command: touch hacked}}",
        "learner: {class_path: evil.Learner}",
        "learner: {class_path: CrossEntropy, init_args: {encoder: {class_path: subprocess.Popen}}}",
        "learner: [1, 2",
        "colour: red",
        "- a\n- list",
        "seed: [1]",
        "\x00\x01",
        "[" * 5000,
    ],
)
def test_hostile_configurations_are_refused(refused, tmp_path, monkeypatch, text):
    graph = graph_file(tmp_path)
    config = tmp_path / "train.yaml"
    config.write_text(text)
    (tmp_path / "evil.py").write_text("open('hacked', 'w')\nclass Learner: pass\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    refused("train", "--config", config, "--data", graph, "--out", tmp_path / "run")


@pytest.mark.parametrize("missing", ["--data", "--out"])
def test_what_is_required_is_asked_for(refused, tmp_path, missing):
    given = {"--data": graph_file(tmp_path), "--out": tmp_path / "run"}
    del given[missing]
    words = [word for pair in given.items() for word in pair]
    assert f"{missing} is required" in refused("train", *words)
