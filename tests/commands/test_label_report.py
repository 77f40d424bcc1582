"""Pages about labels are written by denoise where it is asked, and into every run of ERASE."""

from __future__ import annotations

import pandas as pd
import pytest

from tests.commands.conftest import graph_file

QUICK = (
    "--learner.epochs", 20, "--learner.width", 16, "--learner.learning_rate", 0.01,
    "--learner.encoder.hidden", 16,
)


def test_denoise_writes_the_page_it_is_asked_for(tell, tmp_path):
    words = ["denoise", "--data", graph_file(tmp_path), *QUICK]
    told = tell(*words, "--report", tmp_path / "labels.html", "--json")
    assert told.code == 0, told.err
    page = (tmp_path / "labels.html").read_text()
    assert told.json["report"] == str(tmp_path / "labels.html")
    assert f"of {told.json['labels']} labels" in page and "<td>graph</td>" in page
    assert str(tmp_path) not in page
    told = tell(*words, "--report", tmp_path / "again.html")
    assert f"report: {tmp_path / 'again.html'}" in told.out
    assert (tmp_path / "again.html").read_text() == page


def test_a_run_of_erase_holds_its_page_and_others_do_not(tell, tmp_path):
    words = ["train", "--data", graph_file(tmp_path)]
    told = tell(*words, "--learner", "ERASE", *QUICK, "--out", tmp_path / "run")
    assert told.code == 0, told.err
    table = pd.read_parquet(tmp_path / "run" / "labels.parquet")
    assert f"of {len(table)} labels" in (tmp_path / "run" / "report.html").read_text()
    assert tell(*words, "--learner.epochs", 2, "--out", tmp_path / "plain").code == 0
    assert not (tmp_path / "plain" / "report.html").exists()


@pytest.mark.parametrize("name", ["labels.pdf", "labels"])
def test_a_page_of_another_kind_is_refused(refused, tmp_path, name):
    words = ["denoise", "--data", graph_file(tmp_path), *QUICK, "--report", tmp_path / name]
    assert ".html" in refused(*words)
