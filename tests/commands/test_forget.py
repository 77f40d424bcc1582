import json

import pytest
import torch

from graphforget.commands.requests import in_order, joined
from graphforget.commands.runs import load_parent, load_run
from graphforget.core.errors import UserError
from graphforget.request import ForgetRequest
from graphforget.request_file import read_requests, to_json
from graphforget.trained import Trained
from tests.commands.conftest import contents

METHOD = ("--method", "Resume")


def write(path, *requests):
    path.write_text("".join(to_json(request) + "\n" for request in requests))
    return path


def first_edges(run, count):
    data = Trained.load(run).data
    edges = data.edge_index[:, data.edge_index[0] < data.edge_index[1]]
    return edges[:, :count].t().tolist()


def test_new_run_is_without_the_nodes_and_the_old_one_is_as_it_was(tell, node_run, tmp_path):
    before = contents(node_run)
    request = write(tmp_path / "r.json", ForgetRequest("node", [3, 25], "r-1", None, "asked to"))
    out = tmp_path / "run2"
    told = tell("forget", node_run, "--request", request, *METHOD, "--out", out, "--json")
    assert told.code == 0
    assert contents(node_run) == before
    data = Trained.load(out).data
    assert not torch.isin(data.edge_index, torch.tensor([3, 25])).any()
    assert (data.x[[3, 25]] == 0).all() and (data.y[[3, 25]] == -1).all()
    assert read_requests(out / "request.json") == read_requests(request)
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics == told.json["metrics"]
    assert metrics["seconds"] > 0 and "test_accuracy" in metrics
    assert told.json["requests"][0]["id"] == "r-1"


def test_the_parent_is_named_by_the_way_to_it_and_its_digest(tell, node_run, tmp_path):
    for place in ("a", "deep/er/b"):
        assert tell("forget", node_run, "--sample", "nodes:2", *METHOD,
                    "--out", tmp_path / place).code == 0
    named = [json.loads((tmp_path / place / "metrics.json").read_text())["parent"]
             for place in ("a", "deep/er/b")]
    assert named[0]["model_sha256"] == named[1]["model_sha256"]
    assert named[0]["run"].startswith("../") and not named[0]["run"].startswith("/")
    parent = load_parent(tmp_path / "deep/er/b")
    assert torch.equal(parent.data.edge_index, Trained.load(node_run).data.edge_index)


def test_a_parent_with_other_weights_is_refused(tell, node_run, link_run, tmp_path):
    assert tell("forget", node_run, "--sample", "nodes:2", *METHOD,
                "--out", tmp_path / "run").code == 0
    with pytest.raises(UserError, match="its weights differ"):
        load_parent(tmp_path / "run", link_run)


def test_a_queue_is_carried_out_in_order(tell, node_run, tmp_path):
    asked = [ForgetRequest("node", [3]), ForgetRequest("feature", [8]), ForgetRequest("node", [9])]
    queue = write(tmp_path / "queue.jsonl", *asked)
    words = ["forget", node_run, "--request", queue, *METHOD]
    assert tell(*words, "--out", tmp_path / "run").code == 0
    history = Trained.load(tmp_path / "run").history
    assert [step.digest for step in history] == [request.digest for request in asked]
    assert read_requests(tmp_path / "run" / "request.json") == asked


def test_a_bad_line_in_a_queue_stops_before_the_first(refused, node_run, tmp_path):
    queue = tmp_path / "queue.jsonl"
    queue.write_text('{"kind": "node", "index": [3]}\n{"kind": "node", "index": [60]}\n')
    says = refused("forget", node_run, "--request", queue, *METHOD, "--out", tmp_path / "run")
    assert "request 2 of 2" in says and "below 60" in says


def test_samples_are_drawn_by_the_seed(tell, link_run, tmp_path):
    drawn = []
    for name, seeds in {
        "a": ["--seed", 1], "b": ["--seed", 1], "c": ["--seed", 2],
        "d": ["--seed", 2, "--sample_seed", 1],
    }.items():
        words = ["forget", link_run, "--sample", "edges:10%", *METHOD, *seeds]
        assert tell(*words, "--out", tmp_path / name).code == 0
        drawn.append(read_requests(tmp_path / name / "request.json")[0].digest)
    assert drawn[0] == drawn[1] == drawn[3] != drawn[2]


def test_samples_come_back_from_the_configuration_printed(tell, refused, node_run, tmp_path):
    words = ["forget", node_run, "--sample", "nodes:2", "--sample", "features:3", *METHOD]
    config = tmp_path / "forget.yaml"
    config.write_text(tell(*words, "--out", tmp_path / "run", "--print_config").out)
    assert tell("forget", "--config", config).code == 0
    sizes = [request.size for request in read_requests(tmp_path / "run" / "request.json")]
    assert sizes == [2, 3]
    config.write_text("sample: nodes:2")
    assert tell("forget", node_run, "--config", config, "--out", tmp_path / "one").code == 0
    config.write_text("sample: [1, 2]")
    assert "--sample" in refused("forget", node_run, "--config", config, "--out", tmp_path / "no")


def test_missing_edges_are_an_error_or_left_out(tell, refused, link_run, tmp_path):
    there, absent = first_edges(link_run, 1)[0], [0, 59]
    request = write(tmp_path / "r.json", ForgetRequest("edge", [there, absent]))
    words = ["forget", link_run, "--request", request, *METHOD, "--out", tmp_path / "run"]
    assert "--missing ignore" in refused(*words)
    assert tell(*words, "--missing", "ignore").code == 0
    assert read_requests(tmp_path / "run" / "request.json")[0].index == (tuple(there),)
    nothing = write(tmp_path / "n.json", ForgetRequest("edge", [absent]))
    assert "nothing to forget" in refused(
        "forget", link_run, "--request", nothing, *METHOD, "--missing", "ignore",
        "--out", tmp_path / "run3",
    )


def test_a_repeated_request_in_a_queue_is_passed_over_when_asked(tell, link_run, tmp_path):
    one = ForgetRequest("edge", first_edges(link_run, 2))
    queue = write(tmp_path / "queue.jsonl", one, one)
    told = tell("forget", link_run, "--request", queue, *METHOD, "--missing", "ignore",
                "--out", tmp_path / "run")
    assert told.code == 0 and "1 requests name nothing that is there" in told.err
    assert len(Trained.load(tmp_path / "run").history) == 1


def test_what_is_gone_already_is_said(tell, refused, node_run, tmp_path):
    words = ["forget", node_run, *METHOD, "--sample", "nodes:2", "--sample", "nodes:2", "--out"]
    assert "request 2 of 2: node request: nothing" in refused(*words, tmp_path / "no")
    told = tell(*words, tmp_path / "run", "--missing", "ignore")
    assert told.code == 0 and "1 requests name nothing" in told.err
    once = ["forget", node_run, *METHOD, "--sample", "class:1", "--out", tmp_path / "class"]
    assert tell(*once).code == 0
    again = ["forget", tmp_path / "class", *METHOD, "--sample", "class:1", "--out"]
    assert "class request: nothing" in refused(*again, tmp_path / "no")


def test_no_data_keeps_a_reference_and_a_chain(tell, link_run, tmp_path):
    words = ["--sample", "edges:3", *METHOD, "--no-data", "--out"]
    assert tell("forget", link_run, *words, tmp_path / "a").code == 0
    assert tell("forget", tmp_path / "a", *words, tmp_path / "b", "--seed", 7).code == 0
    assert not (tmp_path / "b" / "data.safetensors").exists()
    edges = [load_run(run).data.edge_index.size(1) for run in (link_run, tmp_path / "b")]
    assert edges[0] - edges[1] == 12
    (tmp_path / "a" / "request.json").write_text('{"kind": "node", "index": [1]}')
    assert "digest differs" in tell("predict", tmp_path / "b").err


def test_requests_are_judged_as_one_where_their_kinds_allow(tiny_graph):
    nodes, label = ForgetRequest("node", [59]), ForgetRequest("class", [0])
    one = joined([nodes, label], tiny_graph)
    assert one.kind == "node" and set(one.index) == {59, *label.nodes(tiny_graph).tolist()}
    with pytest.raises(UserError, match="one run each"):
        joined([nodes, ForgetRequest("edge", [[0, 1]])], tiny_graph)


def test_each_request_is_checked_against_what_those_before_it_leave(tiny_graph):
    edge = tiny_graph.edge_index[:, 0].tolist()
    asked = [ForgetRequest("node", [edge[0]]), ForgetRequest("edge", [edge])]
    with pytest.raises(UserError, match="request 2 of 2"):
        list(in_order(asked, tiny_graph, "error"))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"", "empty file"),
        (b"{", "syntax error"),
        (b"[1, 2]", "JSON object"),
        (b"\xff\xfe", "UTF-8"),
        (b'{"kind": "node"}', "'index' is missing"),
        (b'{"kind": "node", "index": [1], "kind": "edge"}', "twice"),
        (b'{"kind": "node", "index": [1], "sudo": 1}', "unknown key"),
        (b'{"kind": "galaxy", "index": [1]}', "kind"),
        (b'{"kind": "user", "index": [1]}', "recsys"),
        (b'{"kind": "node", "index": []}', "empty"),
        (b'{"kind": "node", "index": [-1]}', "0 to"),
        (b'{"kind": "node", "index": [1.5]}', "whole numbers"),
        (b'{"kind": "node", "index": [true]}', "whole numbers"),
        (b'{"kind": "node", "index": [[1]]}', "whole numbers"),
        (b'{"kind": "node", "index": [NaN]}', "NaN"),
        (b'{"kind": "node", "index": [' + b"9" * 5000 + b"]}", "r.json"),
        (b'{"kind": "node", "index": [60]}', "below 60"),
        (b'{"kind": "edge", "index": [[1]]}', "pairs"),
        (b'{"kind": "edge", "index": [[0, 59]]}', "not in the graph"),
        (b'{"kind": "class", "index": [7]}', "no node carries"),
        (b"[" * 100_000, "r.json"),
    ],
)
def test_hostile_requests_are_refused(refused, node_run, tmp_path, text, says):
    request = tmp_path / "r.json"
    request.write_bytes(text)
    assert says in refused(
        "forget", node_run, "--request", request, *METHOD, "--out", tmp_path / "run"
    )


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "wanted either --request FILE or --sample"),
        (["--request", "a.json", "--sample", "nodes:1"], "either"),
        (["--request", "missing.json"], "missing.json"),
        (["--sample", "nodes:0"], "amount"),
        (["--sample", "nodes:5000"], "5000"),
        (["--sample", "planets:5%"], "not understood"),
        (["--sample", "nodes:1", "--method", "Magic"], "there is no 'Magic'"),
        (["--sample", "nodes:1", "--method", "Resume", "--method.share", "7"], "share"),
        (["--sample", "nodes:1", "--method", "Resume", "--method.colour", "red"], "colour"),
        (["--sample", "nodes:1", "--method.alpha", "abc"], "--alpha: wanted float, got abc"),
        (["--sample", "nodes:1", "--method.destroyer", "Resume"], "--destroyer"),
        (["--sample", "nodes:1", "--method.destroyer", "os.system"], "may not be named"),
        (["--sample", "nodes:1", "--missing", "maybe"], "--missing"),
        (["--sample", "nodes:100%", "--method", "Retrain"], "Retrain: no training example"),
    ],
)
def test_bad_options_are_refused(refused, node_run, tmp_path, words, says):
    assert says in refused("forget", node_run, *words, "--out", tmp_path / "run")


def test_the_run_itself_is_never_replaced(tell, refused, node_run, tmp_path):
    run = tmp_path / "run"
    assert tell("forget", node_run, "--sample", "nodes:1", *METHOD, "--out", run).code == 0
    assert "choose another --out" in refused(
        "forget", run, "--sample", "nodes:1", *METHOD, "--out", run, "--replace"
    )
