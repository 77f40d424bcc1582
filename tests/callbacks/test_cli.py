"""Callbacks out of a YAML file, through LightningCLI."""

from importlib import import_module

import pytest
import torch

YAML = """
trainer:
  max_epochs: 2
  accelerator: cpu
  logger: false
  enable_checkpointing: false
  enable_progress_bar: false
  enable_model_summary: false
  callbacks:
    - class_path: graphforget.callbacks.ForgetOnRequest
      init_args:
        source: {folder}/queue.jsonl
        network: gnn.encoder
        unlearner:
          class_path: graphforget.unlearn.FineTune
          init_args: {{share: 0.5}}
        task:
          class_path: graphforget.task.NodeClassification
          init_args: {{num_classes: 3}}
        learner:
          class_path: graphforget.learn.CrossEntropy
          init_args: {{epochs: 4}}
    - class_path: graphforget.callbacks.AuditCallback
      init_args:
        request: {folder}/queue.jsonl
        network: gnn.encoder
        task:
          class_path: graphforget.task.NodeClassification
          init_args: {{num_classes: 3}}
    - class_path: graphforget.callbacks.RecordCallback
      init_args: {{path: {folder}/records.jsonl, dataset: tiny}}
"""


@pytest.mark.parametrize("package", ["pytorch_lightning", "lightning.pytorch"])
def test_callbacks_are_configured_in_yaml(package, tiny_graph, tmp_path, monkeypatch):
    pl = import_module(package)
    cli = import_module(f"{package}.cli")
    from graphforget.core.record import read_records
    from graphforget.nn import GCN

    class Module(pl.LightningModule):
        def __init__(self):
            super().__init__()
            self.gnn = torch.nn.ModuleDict({"encoder": GCN().build(8, 3, 0)})

        def training_step(self, batch, batch_idx):
            output = self.gnn["encoder"](batch.x, batch.edge_index)
            return torch.nn.functional.cross_entropy(output, batch.y.clamp(min=0))

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=0.1, momentum=0.9)

    class Tiny(pl.LightningDataModule):
        def __init__(self):
            super().__init__()
            self.data = tiny_graph

        def train_dataloader(self):
            return torch.utils.data.DataLoader([self.data], collate_fn=lambda batch: batch[0])

    (tmp_path / "queue.jsonl").write_text('{"kind": "node", "index": [0, 1]}\n')
    (tmp_path / "config.yaml").write_text(YAML.format(folder=tmp_path))
    monkeypatch.chdir(tmp_path)
    done = cli.LightningCLI(
        Module,
        Tiny,
        args=["fit", "--config", "config.yaml"],
        save_config_callback=None,
    )
    (record,) = read_records(tmp_path / "records.jsonl")
    assert record.status == "ok" and "audit/forgotten_accuracy" in record.metrics
    assert '"done"' in (tmp_path / "queue.jsonl.journal").read_text()
    assert done.trainer.current_epoch == 2
