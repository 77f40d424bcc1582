import io

import torch

from graphforget.callbacks.journal import (
    Journal,
    requests_from_state,
    requests_to_state,
)
from graphforget.request import ForgetRequest

ONE = ForgetRequest("edge", [[1, 2], [7, 5]], id="req-001", reason="withdrawn consent")
TWO = ForgetRequest("node", [4])


def test_the_journal_remembers_over_a_restart(tmp_path):
    journal = Journal(tmp_path / "q.journal")
    assert journal.receive(ONE) and journal.receive(TWO) and not journal.receive(ONE)
    journal.finish(ONE, epoch=3)
    again = Journal(tmp_path / "q.journal")
    assert list(again.received.values()) == [ONE, TWO]
    assert list(again.done.values()) == [ONE]


def test_a_torn_line_costs_only_itself(tmp_path):
    path = tmp_path / "q.journal"
    Journal(path).receive(ONE)
    with path.open("a") as file:
        file.write('{"state": "done", "ke')
    journal = Journal(path)
    assert list(journal.received.values()) == [ONE] and not journal.done
    journal.finish(ONE)
    assert list(Journal(path).done.values()) == [ONE]


def test_the_state_passes_through_a_checkpoint_without_pickle():
    file = io.BytesIO()
    torch.save(requests_to_state({"a": ONE, "b": TWO}), file)
    file.seek(0)
    found = requests_from_state(torch.load(file, weights_only=True))
    assert list(found.values()) == [ONE, TWO]
