"""Requests that arrive while a user's own module is being trained."""

import copy
import json

import pytest
import torch

from graphforget.callbacks import ForgetOnRequest
from graphforget.core.errors import UserError
from graphforget.data.datamodule import GraphDataModule
from graphforget.learn import CrossEntropy
from graphforget.protocols import Unlearner
from graphforget.request import ForgetRequest
from graphforget.request_file import to_json
from graphforget.task import NodeClassification
from graphforget.unlearn import FineTune, GNNDelete, GradientAscent, Unlink

TASK = NodeClassification(3)
NODES = ForgetRequest("node", [0, 1, 25], id="req-001")


class Counting(Unlearner):
    """Unlink that counts, and that is killed when told so."""

    def __init__(self, killed=False):
        self.asked, self.killed = [], killed

    def forget(self, trained, request, seed):
        self.asked.append(request)
        if self.killed:
            raise RuntimeError("killed")
        return Unlink().forget(trained, request, seed)


@pytest.fixture
def queue(tmp_path):
    folder = tmp_path / "queue"
    folder.mkdir()
    return folder


def place(queue, request, name="r.json"):
    (queue / name).write_text(to_json(request))


def states(queue):
    lines = queue.with_name(queue.name + ".journal").read_text().splitlines()
    return [json.loads(line)["state"] for line in lines]


@pytest.mark.parametrize("kind", ["Plain", "Nested"])
def test_training_goes_on_without_what_was_forgotten(lightning, tiny_graph, queue, kind):
    place(queue, NODES)
    before = copy.copy(tiny_graph)
    module = getattr(lightning, kind)()
    network = None if kind == "Plain" else "parts.gnn"
    method = Counting()
    callback = ForgetOnRequest(queue, method, TASK, network=network)
    train, val = lightning.loader(tiny_graph), lightning.loader(tiny_graph)
    trainer = lightning.trainer([callback])
    trainer.fit(module, train, val)
    assert method.asked == [NODES] and states(queue) == ["received", "done"]
    assert not NODES.held_by(module.seen) and not NODES.held_by(module.validated)
    assert torch.equal(tiny_graph.edge_index, before.edge_index)  # the user's object is not touched


def test_the_weights_change_in_place_and_the_model_stays_in_training_mode(
    lightning, tiny_graph, queue
):
    place(queue, NODES)
    module = lightning.Plain()
    parameters = [id(p) for p in module.parameters()]
    callback = ForgetOnRequest(queue, GradientAscent(), TASK)
    lightning.trainer([callback], epochs=1).fit(module, lightning.loader(tiny_graph))
    twin = lightning.Plain()
    assert [id(p) for p in module.parameters()] == parameters and module.training
    assert len(callback.done) == 1 and twin.state_dict().keys() == module.state_dict().keys()


def test_methods_that_train_run_inside_a_training(lightning, tiny_graph, queue):
    place(queue, NODES)
    callback = ForgetOnRequest(queue, FineTune(), TASK, learner=CrossEntropy(epochs=20))
    trainer = lightning.trainer([callback])
    trainer.fit(lightning.Plain(), lightning.loader(tiny_graph))
    assert len(callback.done) == 1 and trainer.current_epoch == 3


@pytest.mark.parametrize("batch_nodes", [0, 20])
def test_a_datamodule_makes_its_loaders_anew(tiny_graph, queue, batch_nodes):
    import lightning.pytorch as pl

    from graphforget.learn import CrossEntropyModule
    from graphforget.nn import GCN

    seen, validated = [], []

    class Watched(CrossEntropyModule):
        def training_step(self, batch, batch_idx):
            if not batch_nodes:
                seen.append(NODES.held_by(batch))
            return super().training_step(batch, batch_idx)

        def validation_step(self, batch, batch_idx):
            validated.append(NODES.held_by(batch))

    place(queue, NODES)
    module = Watched(GCN().build(8, 3, 0), TASK)
    datamodule = GraphDataModule(tiny_graph, batch_nodes=batch_nodes)
    trainer = pl.Trainer(
        max_epochs=6,
        accelerator="cpu",
        callbacks=[ForgetOnRequest(queue, Unlink(), TASK)],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        num_sanity_val_steps=0,
        check_val_every_n_epoch=3,
    )
    trainer.fit(module, datamodule=datamodule)
    assert seen == ([] if batch_nodes else [True] + 5 * [False])
    assert validated == [False, False] and not NODES.held_by(datamodule.data)
    assert trainer.reload_dataloaders_every_n_epochs == 0


def test_killed_between_writing_down_and_doing_then_done_exactly_once(lightning, tiny_graph, queue):
    place(queue, NODES)
    killed = ForgetOnRequest(queue, Counting(killed=True), TASK)
    with pytest.raises(RuntimeError, match="killed"):
        lightning.trainer([killed]).fit(lightning.Plain(), lightning.loader(tiny_graph))
    assert states(queue) == ["received"]
    (queue / "r.json").unlink()  # the journal holds the request even when its file is gone
    method = Counting()
    lightning.trainer([ForgetOnRequest(queue, method, TASK)]).fit(
        lightning.Plain(), lightning.loader(tiny_graph)
    )
    assert method.asked == [NODES] and states(queue) == ["received", "done"]


def test_a_fresh_model_never_sees_what_an_earlier_run_forgot(lightning, tiny_graph, queue):
    place(queue, NODES)
    lightning.trainer([ForgetOnRequest(queue, Unlink(), TASK)]).fit(
        lightning.Plain(), lightning.loader(tiny_graph)
    )
    method, module = Counting(), lightning.Plain()
    lightning.trainer([ForgetOnRequest(queue, method, TASK)], epochs=1).fit(
        module, lightning.loader(tiny_graph)
    )
    assert method.asked == [] and not NODES.held_by(module.seen)


def test_a_checkpoint_knows_what_its_own_weights_have_forgotten(
    lightning, tiny_graph, queue, tmp_path
):
    trainer = lightning.trainer([ForgetOnRequest(queue, Unlink(), TASK)], epochs=1)
    trainer.fit(lightning.Plain(), lightning.loader(tiny_graph))
    trainer.save_checkpoint(tmp_path / "before.ckpt")
    place(queue, NODES)
    trainer = lightning.trainer([ForgetOnRequest(queue, Unlink(), TASK)], epochs=2)
    trainer.fit(lightning.Plain(), lightning.loader(tiny_graph), ckpt_path=tmp_path / "before.ckpt")
    trainer.save_checkpoint(tmp_path / "after.ckpt")
    asked = {}
    for name in ("before", "after"):
        torch.load(tmp_path / f"{name}.ckpt", weights_only=True)
        method, module = Counting(), lightning.Plain()
        lightning.trainer([ForgetOnRequest(queue, method, TASK)], epochs=4).fit(
            module, lightning.loader(tiny_graph), ckpt_path=tmp_path / f"{name}.ckpt"
        )
        asked[name] = len(method.asked)
        assert not NODES.held_by(module.seen)
    # weights from before the forgetting must forget again, whatever the journal says of others
    assert asked == {"before": 1, "after": 0}


def test_a_request_placed_twice_is_done_once(lightning, tiny_graph, queue):
    place(queue, NODES, "a.json")
    place(queue, NODES, "b.json")
    place(queue, ForgetRequest("node", [25, 1, 0, 0], id="another name"), "c.json")
    method = Counting()
    callback = ForgetOnRequest(queue, method, TASK)
    lightning.trainer([callback]).fit(lightning.Plain(), lightning.loader(tiny_graph))
    assert method.asked == [NODES]
    assert states(queue).count("done") == 2  # one for each name


def test_requests_in_a_growing_queue_file_and_at_the_end_only(lightning, tiny_graph, tmp_path):
    queue = tmp_path / "queue.jsonl"
    queue.write_text(to_json(NODES) + "\n")
    module, method = lightning.Plain(), Counting()
    callback = ForgetOnRequest(queue, method, TASK, every=0)
    lightning.trainer([callback]).fit(module, lightning.loader(tiny_graph))
    assert NODES.held_by(module.seen) and method.asked == [NODES]


def test_bad_requests_never_stop_a_training(lightning, tiny_graph, queue, caplog):
    (queue / "a.json").write_text('{"kind": "node", "index": [1.5]}')
    place(queue, ForgetRequest("node", [999], id="too large"), "b.json")
    place(queue, NODES, "c.json")
    method = Counting()
    lightning.trainer([ForgetOnRequest(queue, method, TASK)]).fit(
        lightning.Plain(), lightning.loader(tiny_graph)
    )
    assert method.asked == [NODES]
    warnings = [r.message for r in caplog.records if r.name.startswith("graphforget")]
    assert any("a.json" in m and "whole numbers" in m for m in warnings)
    assert any("too large" in m and "below 60" in m for m in warnings)
    assert states(queue).count("malformed") == states(queue).count("refused") == 1
    with pytest.raises(UserError, match="whole numbers"):
        lightning.trainer([ForgetOnRequest(queue, method, TASK, strict=True)]).fit(
            lightning.Plain(), lightning.loader(tiny_graph)
        )


def test_training_data_that_cannot_be_replaced_are_refused_before_training(
    lightning, tiny_graph, queue
):
    pair = torch.utils.data.DataLoader(
        [tiny_graph, tiny_graph], collate_fn=lightning.loader(tiny_graph).collate_fn
    )
    with pytest.raises(UserError, match="GraphDataModule"):
        lightning.trainer([ForgetOnRequest(queue, Unlink(), TASK)]).fit(lightning.Plain(), pair)
    with pytest.raises(UserError, match="operators"):
        lightning.trainer([ForgetOnRequest(queue, GNNDelete(), TASK)]).fit(
            lightning.Plain(), lightning.loader(tiny_graph)
        )


def test_a_loader_that_kept_a_copy_is_found_out(tiny_graph, queue):
    import lightning.pytorch as pl

    from graphforget.learn import CrossEntropyModule
    from graphforget.nn import GCN

    class Stubborn(GraphDataModule):
        def __init__(self, data):
            super().__init__(data)
            self.kept = self._whole()

        def train_dataloader(self):
            return self.kept

    place(queue, NODES)
    trainer = pl.Trainer(
        max_epochs=3,
        accelerator="cpu",
        callbacks=[ForgetOnRequest(queue, Unlink(), TASK)],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
    )
    with pytest.raises(UserError, match="still receives"):
        trainer.fit(CrossEntropyModule(GCN().build(8, 3, 0), TASK), datamodule=Stubborn(tiny_graph))


def test_a_graph_in_the_module_is_replaced_there(lightning, tiny_graph, queue):
    class Holder(lightning.Plain):
        def training_step(self, batch, batch_idx):
            return super().training_step(self.cora, batch_idx)

    place(queue, NODES)
    module = Holder()
    module.cora = tiny_graph
    ticks = torch.utils.data.DataLoader([0])
    lightning.trainer([ForgetOnRequest(queue, Unlink(), TASK, graph="cora")]).fit(module, ticks)
    assert not NODES.held_by(module.seen)


def test_it_logs_through_the_users_loggers(lightning, tiny_graph, queue, tmp_path):
    from importlib import import_module

    loggers = import_module(f"{lightning.pl.__name__}.loggers")
    place(queue, NODES)
    both = [loggers.CSVLogger(tmp_path, name="csv"), loggers.TensorBoardLogger(tmp_path, name="tb")]
    lightning.trainer(
        [ForgetOnRequest(queue, Unlink(), TASK)], logger=both, log_every_n_steps=1
    ).fit(lightning.Plain(), lightning.loader(tiny_graph))
    table = next(tmp_path.glob("csv/*/metrics.csv")).read_text()
    assert "forget/size" in table and "loss" in table
    assert list(tmp_path.glob("tb/*/events*"))
