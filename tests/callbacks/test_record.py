import pytest

from graphforget.callbacks import RecordCallback
from graphforget.core.record import read_records
from graphforget.learn import CrossEntropy
from graphforget.task import NodeClassification


def test_a_fit_leaves_one_record(lightning, tiny_graph, tmp_path):
    path = tmp_path / "records.jsonl"
    callback = RecordCallback(path, benchmark="mine", dataset="tiny", task="node", seed=4)
    trainer = lightning.trainer([callback], epochs=2)
    trainer.fit(lightning.Plain(), lightning.loader(tiny_graph))
    (record,) = read_records(path)
    assert (record.benchmark, record.dataset, record.model) == ("mine", "tiny", "Plain")
    assert record.status == "ok" and record.seed == 4 and record.metrics["loss"] > 0
    assert record.config == {"channels": 8, "cached": False, "max_epochs": 2}
    assert 0 < record.seconds < 60 and record.peak_mb > 10 and record.versions["torch"]
    trainer.validate(lightning.Plain(), lightning.loader(tiny_graph))
    assert len(read_records(path)) == 1


def test_a_fit_that_fails_leaves_a_record_too(lightning, tiny_graph, tmp_path):
    class Broken(lightning.Plain):
        def training_step(self, batch, batch_idx):
            raise RuntimeError("no\nluck")

    trainer = lightning.trainer([RecordCallback(tmp_path / "r.jsonl")])
    with pytest.raises(RuntimeError):
        trainer.fit(Broken(), lightning.loader(tiny_graph))
    (record,) = read_records(tmp_path / "r.jsonl")
    assert (record.status, record.error) == ("failed", "RuntimeError: no luck")


def test_the_fits_inside_our_learners_leave_none(tiny_graph, tmp_path, monkeypatch):
    from graphforget.learn import trainer as ours

    callback = RecordCallback(tmp_path / "r.jsonl")
    quick = ours.quick_trainer
    monkeypatch.setattr(ours, "quick_trainer", lambda model, more=(): quick(model, [callback]))
    CrossEntropy(epochs=2, snapshots=()).fit(tiny_graph, NodeClassification(3), seed=0)
    assert read_records(tmp_path / "r.jsonl") == []
