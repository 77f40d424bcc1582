import pytest

from graphforget.trained import Trained


@pytest.mark.slow
def test_demo_leaves_a_report_that_it_names_and_can_be_repeated(tell, tmp_path):
    told = tell("demo", "--out", tmp_path / "demo")
    report = tmp_path / "demo" / "after" / "report.html"
    assert told.code == 0 and str(report) in told.out
    assert report.stat().st_size > 1000
    assert Trained.load(tmp_path / "demo" / "after").history
    told = tell("demo", "--out", tmp_path / "demo", "--json")
    assert told.code == 0 and told.json["report"] == str(report)
    assert tell("audit", tmp_path / "demo" / "after").code == 0  # the runs know each other


def test_demo_does_not_take_the_place_of_anything_else(refused, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    assert "not an earlier demo" in refused("demo", "--out", tmp_path / "mine")
