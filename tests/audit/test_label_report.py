"""The page about labels is whole, says what the table says, and escapes what users wrote."""

from __future__ import annotations

import dataclasses
import re
from html.parser import HTMLParser

import pytest
import torch

from graphforget.audit.label_plots import confusion
from graphforget.audit.label_report import label_page, label_pictures, label_report, neighbours
from graphforget.audit.label_words import CANNOT_SAY, FOREIGN, PICTURES
from graphforget.learn import CrossEntropy, corrected_labels
from graphforget.nn import GCN
from graphforget.task import NodeClassification
from tests.conftest import planted_partition

NASTY = "<script>alert('x')</script> & \"co\""


@pytest.fixture(scope="module")
def trained():
    data = planted_partition()
    place = torch.arange(60) % 20
    data.y = torch.where(place < 2, (data.y + 1) % 3, data.y)
    data.train_mask, data.val_mask = place < 12, (place >= 12) & (place < 16)
    data.test_mask = place >= 16
    data.node_id = [f"{NASTY} {node}" for node in range(60)]
    data.name = NASTY
    return CrossEntropy(GCN(16), epochs=30, snapshots=()).fit(data, NodeClassification(3), seed=0)


@pytest.fixture(scope="module")
def found(trained):
    return corrected_labels(trained)


@pytest.fixture(scope="module")
def page(trained, found):
    return label_report(trained, found)


def cells(text: str) -> list[list[str]]:
    rows = re.findall(r"<tr>(.*?)</tr>", text)
    return [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in rows]


def test_page_needs_nothing_from_outside(page):
    assert re.findall(r'(?:src|href)="(?!data:image/png;base64,)', page) == []
    assert "http://" not in page and "https://" not in page
    assert page.count("data:image/png;base64,") == len(PICTURES)


def test_page_is_balanced_and_escapes_names(page):
    assert "<script" not in page and page.count("&lt;script&gt;") > 5

    class Balance(HTMLParser):
        open: list[str] = []

        def handle_starttag(self, tag, attrs):
            if tag not in ("meta", "img"):
                self.open.append(tag)

        def handle_endtag(self, tag):
            assert self.open.pop() == tag

    parser = Balance()
    parser.feed(page)
    assert parser.open == []


def test_rows_are_those_of_the_table_in_the_order_of_doubt(page, trained, found):
    table = found.frame(trained.data).iloc[found.suspects().tolist()]
    rows = [row for row in cells(page) if len(row) == 9]
    assert len(rows) == len(table) > 3
    for row, told in zip(rows, table.to_dict("records"), strict=True):
        assert row[1:4] == [str(told[name]) for name in ("node", "given", "corrected")]
        assert row[4:6] == [f"{told['confidence']:.3f}", f"{told['doubt']:.3f}"]
        every, own, other = map(int, row[6:])
        assert own + other <= every
    assert f"{len(table)} of {len(found.node)} labels look wrong" in page


def test_counts_of_changes_are_those_of_the_confusion(page, found):
    counts = confusion(found.given, found.corrected, num_classes=3)
    told = {row[0]: int(row[1]) for row in cells(page) if len(row) == 3}
    assert told == {
        f"{row} → {column}": int(counts[row, column])
        for row, column in counts.nonzero().tolist() if row != column
    }


def test_page_says_what_a_reader_asks(page, trained):
    for words in ("CrossEntropy(", "torch", "cannot say", *(line[:30] for line in CANNOT_SAY)):
        assert words in page
    held_out = int(trained.data.test_mask.sum())
    assert f"{held_out}, held out for testing" in page
    assert FOREIGN not in page


def test_a_long_list_is_cut_and_says_so(trained, found):
    pictures = label_pictures(trained, found)
    text = label_page(trained, found, pictures, most=2)
    assert f"The first 2 of {len(found.suspects())}" in text
    assert len([row for row in cells(text) if len(row) == 9]) == 2


def test_labels_that_all_fit_are_told_too(trained, found):
    fine = dataclasses.replace(found, corrected=found.given, doubt=torch.zeros_like(found.doubt))
    text = label_report(trained, fine)
    assert f"None of {len(found.node)} labels looks wrong" in text and "There are none." in text


def test_a_graph_whose_neighbours_differ_is_warned_about(trained):
    data = trained.data.clone()
    pairs = torch.cartesian_prod(torch.arange(20), torch.arange(20, 40)).T
    data.edge_index = torch.cat([pairs, pairs.flip(0)], dim=1)
    assert FOREIGN in label_report(dataclasses.replace(trained, data=data))


def test_test_labels_are_nowhere_on_the_page(trained, page):
    data = trained.data.clone()
    data.y = torch.where(data.test_mask, (data.y + 1) % 3, data.y)
    told = label_report(dataclasses.replace(trained, data=data))
    assert told == page


def test_neighbours_are_counted_once_and_in_both_directions():
    edges = torch.tensor([[0, 1, 2, 1, 1], [1, 0, 1, 3, 1]])
    assert sorted(neighbours(edges, torch.tensor([4, 5, 6, -1]), node=1).tolist()) == [4, 6]


def test_writing_twice_gives_the_same_page(trained, page):
    assert label_report(trained) == page
