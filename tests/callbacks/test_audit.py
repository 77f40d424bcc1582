from importlib import import_module

import pytest
import torch

from graphforget.callbacks import AuditCallback, ForgetOnRequest
from graphforget.callbacks.audit import quick_audit
from graphforget.learn import CrossEntropy
from graphforget.request import ForgetRequest
from graphforget.request_file import to_json
from graphforget.task import LinkPrediction, NodeClassification
from graphforget.unlearn import Retrain

TASK = NodeClassification(3)
NODES = ForgetRequest("node", [0, 1, 20, 21, 40, 41])


def test_a_planted_effect_is_there_before_and_gone_after(tiny_graph):
    tiny_graph.y[[0, 1]] = 1  # labels that only memory can know
    tiny_graph.y[[20, 21]] = 2
    tiny_graph.y[[40, 41]] = 0
    before = CrossEntropy().fit(tiny_graph, TASK, seed=0)
    after = Retrain()(before, NODES)
    knows = quick_audit(before.model, tiny_graph, TASK, NODES, forgotten=False)
    forgot = quick_audit(after.model, tiny_graph, TASK, NODES, forgotten=True)
    assert knows["forgotten_margin"] > forgot["forgotten_margin"] + 2
    assert knows["attack_auc"] > forgot["attack_auc"] + 0.1
    assert forgot["test_accuracy"] > 0.8 and set(knows) == set(forgot)


@pytest.mark.parametrize(
    "request_", [ForgetRequest("node", [0, 3]), ForgetRequest("feature", [0, 3])]
)
def test_links_are_scored_against_non_edges(tiny_links, request_):
    task = LinkPrediction(8)
    model = CrossEntropy(epochs=5).build(tiny_links, task, seed=0)
    values = quick_audit(model.train(), tiny_links, task, request_, forgotten=False)
    assert {"forgotten_auc", "retained_auc", "test_auc", "attack_auc"} <= set(values)
    assert all(0 <= v <= 1 for k, v in values.items() if k.endswith("auc")) and model.training


def test_it_logs_every_k_epochs_through_the_users_logger(lightning, tiny_graph, tmp_path):
    loggers = import_module(f"{lightning.pl.__name__}.loggers")
    (tmp_path / "queue").mkdir()
    file = tmp_path / "queue" / "r.json"
    file.write_text(to_json(NODES))
    oracle = CrossEntropy(epochs=10).fit(NODES.retained(tiny_graph), TASK, seed=0)
    oracle.save(tmp_path / "oracle")
    audit = AuditCallback(str(file), TASK, every=2, oracle=tmp_path / "oracle")
    forget = ForgetOnRequest(tmp_path / "queue", Retrain(), TASK, learner=CrossEntropy(epochs=10))

    class Encoder(lightning.Plain):
        def __init__(self):
            super().__init__()
            del self.first, self.last
            self.model = CrossEntropy().build(tiny_graph, TASK, seed=3)

        def forward(self, batch):
            return self.model(batch.x, batch.edge_index)

        def network(self):
            return self.model

    logger = loggers.CSVLogger(tmp_path, name="csv")
    trainer = lightning.trainer([audit, forget], epochs=4, logger=logger, log_every_n_steps=1)
    trainer.fit(Encoder(), lightning.loader(tiny_graph))
    assert "audit/forgotten_margin" in trainer.callback_metrics
    assert "audit/gap_test_accuracy" in trainer.callback_metrics
    table = next(tmp_path.glob("csv/*/metrics.csv")).read_text().splitlines()
    column = table[0].split(",").index("audit/attack_auc")
    assert len([row for row in table[1:] if row.split(",")[column]]) == 2


def test_a_training_without_the_items_has_nothing_to_ask_about(lightning, tiny_graph, caplog):
    audit = AuditCallback(NODES, TASK)
    retained = NODES.retained(tiny_graph)
    trainer = lightning.trainer([audit], epochs=1)
    trainer.fit(lightning.Plain(), lightning.loader(retained))
    assert "original graph as data=" in caplog.text
    assert not any(name.startswith("audit") for name in trainer.callback_metrics)
    trainer = lightning.trainer([AuditCallback(NODES, TASK, data=tiny_graph)], epochs=1)
    trainer.fit(lightning.Plain(), lightning.loader(retained))
    assert torch.isfinite(trainer.callback_metrics["audit/forgotten_margin"])
