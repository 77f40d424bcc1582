"""A certificate that lies in a run folder is named in the report on that run."""

from __future__ import annotations

import shutil

from graphforget.exact.case import State
from graphforget.exact.certificate import certify
from graphforget.exact.journal import Journal
from graphforget.exact.plan import Plan
from graphforget.request import ForgetRequest


def test_the_report_names_the_certificate(node_run, tmp_path, tell):
    shutil.copytree(node_run, tmp_path / "run")
    after = tmp_path / "after"
    assert tell("forget", tmp_path / "run", "--sample", "nodes:2", "--method", "Unlink",
                "--out", after).code == 0
    with Journal(tmp_path / "journal.db", bytes(32)) as journal:
        journal.open_request("<one>", ForgetRequest("node", (1,)), {0: [[0]]})
        journal.advance("<one>", State.DEACTIVATED)
        certify(journal, Plan.subsets(1, 2), "<one>").write(after / "certificate.json")
    assert tell("audit", after).code == 0
    page = (after / "report.html").read_text()
    assert "Deletion certificate" in page and "request &lt;one&gt;, 1 node: DEACTIVATED" in page
    (after / "certificate.json").write_text("{}")
    told = tell("audit", after, "--out", tmp_path / "report")
    assert told.code == 2 and "certificate.json: wanted a deletion certificate" in told.err
