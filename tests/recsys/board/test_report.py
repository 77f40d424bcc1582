"""Tables, pictures and pages are made of records alone, and say what has to be said."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from graphforget.core.record import Record
from recsys.board.curve import Curve
from recsys.board.pictures import critical_difference_plot, curves_plot
from recsys.board.question import about
from recsys.board.ranks import mean_ranks
from recsys.board.report import report, text_rows
from recsys.board.summary import beside_random, differences, ranked, standings
from recsys.board.trial import trials
from recsys.select import AllFields, RandomOrder
from tests.recsys.board.conftest import Broken, Order, ask

GRID = (1, 2, 4)


@pytest.fixture
def made(small_table):
    """Make the record of a trial from the AUC at each k."""

    def make(title, auc, seed=0, dataset="shop", model="DeepFM", selector=None, **metrics):
        question = ask(selector or Order(), title, seed=seed, grid=GRID)
        curve = Curve(GRID, tuple(auc), tuple(auc), (0.5,) * 3, (0.6,) * 3)
        names = sorted(field.name for field in small_table.fields)
        numbers = {
            **curve.metrics(), "aukc": curve.aukc, "best_k": 2.0, "best_auc": auc[1],
            "best_logloss": 0.5, "gain": 0.01, "gain_low": -0.01, "gain_high": 0.03,
            "all_auc": auc[-1], **{f"rank/{name}": n + 1.0 for n, name in enumerate(names)},
            **metrics,
        }
        asked = question.asked("tests", dataset) | {"model": model}
        return Record(**asked, request=about(small_table), metrics=numbers, seconds=1.5)

    return make


@pytest.fixture
def records(made):
    band = [made("RandomOrder", (0.6, 0.7 + 0.02 * seed, 0.8), seed, selector=RandomOrder())
            for seed in range(3)]
    return [
        *band,
        *(made("good", (0.78, 0.8, 0.8 + 0.001 * seed), seed) for seed in range(2)),
        *(made("lucky", (0.6, 0.71, 0.8), seed) for seed in range(2)),
        *(made("bad", (0.5, 0.5, 0.6), seed) for seed in range(2)),
    ]


def test_a_selector_within_the_band_has_shown_nothing(records):
    ((_, those),) = standings(trials(records)).items()
    stand = {one.title: beside_random(one, those) for one in those}
    assert stand == {"good": "above", "lucky": "within", "bad": "below", "RandomOrder": ""}
    assert [one.title for one in those] == ["good", "RandomOrder", "lucky", "bad"]


def test_ranks_are_over_problems_and_over_seeds_where_there_is_one(records, made):
    alone = ranked(standings(trials(records)))
    assert alone.problems == 2  # random orders have one seed more than the others
    assert alone.methods[0] == "good" and alone.methods[-1] == "bad"
    other = [replace(record, dataset="market") for record in records]
    both = ranked(standings(trials([*records, *other])))
    assert both.problems == 2 and both.mean[0] == 1.0


def test_a_selector_that_a_problem_lacks_is_not_ranked(records, made):
    found = ranked(standings(trials([*records, made("new", (0.9, 0.9, 0.9), dataset="market"),
                                     made("good", (0.8, 0.8, 0.8), dataset="market"),
                                     made("bad", (0.6, 0.6, 0.6), dataset="market")])))
    assert set(found.methods) == {"good", "bad"}


def test_the_page_holds_numbers_pictures_and_how_they_came_about(records):
    drawn = {("shop", "DeepFM"): {"good": np.full(9, 0.5), "bad": np.full(9, 0.3)}}
    broken = ask(Broken(), grid=GRID).asked("tests", "shop")
    failed = Record(**broken, status="failed", error="RuntimeError: <b>broke</b>")
    files = report([*records, failed], drawn, against="bad")
    assert set(files) == {"shop.html", "shop-DeepFM.png", "ranks.png"}
    page = files["shop.html"].decode()
    assert "k = 1, 2, 4, A_0 = 0.5 at k_0 = 0, divided by 4" in page
    assert "3 random orders reach an AUKC of" in page and "above all of them: good." in page
    assert "&lt;b&gt;broke&lt;/b&gt;" in page and "<b>broke" not in page
    assert "+0.2000 to +0.2000" in page and "AUKC less that of bad" in page
    assert page.count("data:image/png;base64,") == 2
    assert "http" not in page.replace("http-equiv", "")
    assert all(files[name].startswith(b"\x89PNG") for name in files if name.endswith(".png"))
    assert files == report([*records, failed], drawn, against="bad")


def test_a_page_a_data_set(records):
    other = [replace(record, dataset="a/b <c>") for record in records]
    files = report([*records, *other])
    assert {"shop.html", "a-b-c-.html"} <= set(files)
    assert "a/b &lt;c&gt;" in files["a-b-c-.html"].decode()


def test_a_table_without_curves_still_has_its_row(records, made):
    soft = made("AllFields", (0.8, 0.8, 0.8), selector=AllFields())
    soft = replace(soft, metrics={"end_auc": 0.75, "end_logloss": 0.6, "all_auc": 0.75})
    ((_, those),) = standings(trials([*records, soft])).items()
    row = next(row for row in text_rows(those) if row[0] == "AllFields")
    assert row[1] == "–" and row[5] == "0.7500" and row[6] == "0.6000"
    assert "AllFields" in report([*records, soft])["shop.html"].decode()


def test_one_seed_is_enough_for_a_page(made):
    files = report([made("good", (0.7, 0.8, 0.8))])
    assert set(files) == {"shop.html", "shop-DeepFM.png"}  # and nothing to rank


def test_what_nobody_has_takes_no_column(records, made):
    page = report(records)["shop.html"].decode()
    assert "gAUC" not in page and "searched network" not in page and "Planted" not in page
    more = made("new", (0.7, 0.7, 0.7), best_gauc=0.6543, end_auc=0.7654, planted_found=0.5)
    page = report([*records, more])["shop.html"].decode()
    assert "gAUC" in page and "0.6543" in page and "0.7654" in page and "Planted" in page


def test_every_label_of_many_selectors_is_inside_the_picture(made):
    ((_, those),) = standings(trials([
        made(f"selector with a long name {n}", (0.6, 0.7, 0.7 + n / 1000)) for n in range(45)
    ])).items()
    figure = curves_plot(those, "many")
    figure.draw_without_rendering()
    (legend,) = figure.legends
    box = legend.get_window_extent()
    assert box.y0 >= 0 and box.x0 >= 0 and box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1
    assert len(legend.get_texts()) == 46


def test_the_paired_difference_of_equal_models_is_zero():
    values = np.random.default_rng(0).random(50)
    assert differences({"a": values, "b": values}, "b") == {"a": (0.0, 0.0, 0.0)}
    assert differences({"a": values}, "gone") == {}


def test_the_diagram_takes_many_methods():
    names = [f"method {n}" for n in range(17)]
    scores = np.random.default_rng(0).random((4, 17))
    figure = critical_difference_plot(mean_ranks(names, scores), "ranks")
    told = " ".join(text.get_text() for text in figure.axes[0].texts)
    assert all(name in told for name in names)


def test_ticks_of_a_diagram_of_many_do_not_overlap():
    names = [f"m{n}" for n in range(45)]
    scores = np.random.default_rng(0).random((4, 45))
    figure = critical_difference_plot(mean_ranks(names, scores), "")
    figure.draw_without_rendering()
    ticks = [text for text in figure.axes[0].texts if text.get_text().isdigit()]
    boxes = [tick.get_window_extent() for tick in ticks]
    assert all(one.x1 < other.x0 for one, other in zip(boxes, boxes[1:], strict=False))
