"""Carry out forget requests while a model is being trained."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Any

from torch_geometric.data import Data

from graphforget.callbacks.base import Callback
from graphforget.callbacks.graphs import TrainingGraph
from graphforget.callbacks.inbox import Inbox
from graphforget.callbacks.journal import (
    Journal,
    key_of,
    requests_from_state,
    requests_to_state,
)
from graphforget.callbacks.network import (
    Place,
    check_keeps_network,
    clear_caches,
    find_network,
    forget_in_place,
)
from graphforget.core.errors import UserError
from graphforget.protocols import Learner, Unlearner
from graphforget.request import ForgetRequest
from graphforget.task import Task

log = logging.getLogger(__name__)
SCHEMA = 1


class ForgetOnRequest(Callback):
    """Forgets what is asked for in a folder or a queue file, then lets training go on without it.

    At the end of an epoch every new request is written to a journal beside the queue
    (``<source>.journal``), carried out on the network in training, taken out of the graph that
    training reads, logged through the Trainer's loggers under ``forget/``, and marked as done.
    See `forget_in_place` for the optimiser and `TrainingGraph` for where the graph may be.

    After a kill, start the same training again:

    * ``fit(ckpt_path=...)``: the checkpoint knows which requests its weights have forgotten.
      Others are carried out at the next epoch's end, though the journal may call them done: it
      was other weights that forgot them.
    * ``fit()`` with a fresh model: requests that are done in the journal leave the graph before
      the first step, so there is nothing to unlearn. Weights that were loaded by hand look like a
      fresh model; give their checkpoint as ``ckpt_path`` instead.

    A malformed file or line, and a request that the graph or the method cannot follow, is logged,
    noted in the journal and passed over; the latter is tried again when training is next started.
    Any other error stops the training, and the request stays open.

    Args:
        source: folder of request files, or one ``.jsonl`` queue; may be created later.
        unlearner: the method.
        task: what the network answers.
        every: look for requests every so many epochs; 0 for the end of training only.
        network: where the network is in the LightningModule, see `find_network`.
        graph: attribute of the LightningModule that holds the graph, if training reads it there.
        learner: how the network could be trained further; `Resume` and `FineTune` want it.
        seed: the method's seed.
        strict: raise on what is malformed or refused, instead of passing over it.
    """

    def __init__(
        self,
        source: str | Path,
        unlearner: Unlearner,
        task: Task,
        every: int = 1,
        network: Place | None = None,
        graph: str | None = None,
        learner: Learner | None = None,
        seed: int = 0,
        strict: bool = False,
    ) -> None:
        if every < 0:
            raise UserError(f"ForgetOnRequest every: wanted 0 or more epochs, got {every}")
        if not unlearner.removes:
            raise UserError(
                f"ForgetOnRequest: {type(unlearner).__name__} leaves what is named in the data, "
                "and what training goes on with would not; use it after training"
            )
        self.source = Path(source)
        self.unlearner, self.task, self.learner = unlearner, task, learner
        self.every, self.network, self.graph = every, network, graph
        self.seed, self.strict = seed, strict
        self.done: dict[str, ForgetRequest] = {}
        self._restored = False
        self._to_verify: list[ForgetRequest] = []
        self._users_reload: int | None = None
        self._validation_is_stale = False

    def state_dict(self) -> dict[str, Any]:
        """The requests that the weights beside it have forgotten, as JSON types only."""
        return {"schema": SCHEMA, "done": requests_to_state(self.done)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what the weights of a checkpoint have forgotten."""
        if state_dict.get("schema") != SCHEMA:
            raise UserError(
                f"ForgetOnRequest: wanted checkpoint schema {SCHEMA}, got "
                f"{state_dict.get('schema')!r}; load it with the version that wrote it"
            )
        self.done = requests_from_state(state_dict["done"])
        self._restored = True

    def on_fit_start(self, trainer: Any, pl_module: Any) -> None:
        """Read the journal, and take what is done out of a datamodule before loaders are made."""
        if trainer.world_size > 1:
            raise UserError(
                f"ForgetOnRequest: wanted one process, got {trainer.world_size}; train on one "
                "device, or forget after training"
            )
        self._network = find_network(pl_module, self.network)
        self._inbox = Inbox(self.source)
        self._journal = Journal(self.source.with_name(self.source.name + ".journal"))
        self._passed_over: set[str] = set()
        if not self._restored:
            self.done = self._journal.done | self.done
        self._restored = False
        if not self.source.exists():
            log.info("%s: not there yet; will look again every epoch", self.source)
        if trainer.datamodule is not None or self.graph is not None:
            self._drop_done(trainer, pl_module)

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """Take what is done out of plain loaders, and make sure that the graph can be replaced."""
        graph = self._drop_done(trainer, pl_module)
        check_keeps_network(self._network, graph.get(), self.unlearner)

    def on_validation_start(self, trainer: Any, pl_module: Any) -> None:
        """Validation loaders that are made late leave out what is done as well."""
        if trainer.state.fn == "fit" and not trainer.sanity_checking:
            self._drop_done(trainer, pl_module)
            self._validation_is_stale = False

    def on_train_batch_start(
        self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int
    ) -> None:
        """Stop if training still receives what was forgotten."""
        whole = isinstance(batch, Data) and batch.num_nodes == self._num_nodes
        for request in self._to_verify if whole and "n_id" not in batch else ():
            if request.held_by(batch):
                raise UserError(
                    f"training data: {request.kind} request {request.id or request.digest[:12]} "
                    "was carried out, but training still receives what it names; the loader holds "
                    "a copy of the graph: build it from the datamodule's data in train_dataloader, "
                    "without worker processes that stay alive"
                )
        self._to_verify = []

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """Look for requests, if it is time."""
        validates = trainer.val_dataloaders is not None
        if self._users_reload is not None and not (validates and self._validation_is_stale):
            trainer.reload_dataloaders_every_n_epochs = self._users_reload
            self._users_reload = None
        if self.every and (trainer.current_epoch + 1) % self.every == 0:
            self._serve(trainer, pl_module)

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        """Carry out what is still open."""
        self._serve(trainer, pl_module)

    def _drop_done(self, trainer: Any, module: Any) -> TrainingGraph:
        graph = TrainingGraph(trainer, module, self.graph)
        self._num_nodes = graph.get().num_nodes
        for request in self.done.values():
            if request.kind != "class":  # a class that is gone is no longer in the labels
                request.check(graph.get(), missing=True)
            graph.forget(request)
        self._to_verify = list(self.done.values())
        clear_caches(self._network)
        return graph

    def _serve(self, trainer: Any, module: Any) -> None:
        found, problems = self._inbox.poll()
        for request in found:
            self._journal.receive(request)
        for problem in problems:
            self._journal.set_aside(problem)
            self._object(f"set aside: {problem}")
        for key, request in self._journal.received.items():
            if key not in self.done and key not in self._passed_over:
                self._carry_out(request, trainer, module)

    def _carry_out(self, request: ForgetRequest, trainer: Any, module: Any) -> None:
        graph = TrainingGraph(trainer, module, self.graph)
        started = time.perf_counter()
        again = request.digest in {other.digest for other in self.done.values()}
        if not again:
            try:
                forget_in_place(
                    self._network,
                    trainer.optimizers,
                    graph.get(),
                    self.task,
                    self.unlearner,
                    request,
                    seed=self.seed,
                    learner=self.learner,
                )
            except UserError as error:
                self._passed_over.add(key_of(request))
                self._journal.refuse(request, str(error))
                self._object(f"request {request.id or request.digest[:12]} not done: {error}")
                return
            graph.forget(request)
            self._reload(trainer, graph)
            self._to_verify.append(request)
        seconds = time.perf_counter() - started
        self.done[key_of(request)] = request
        self._journal.finish(
            request,
            epoch=trainer.current_epoch,
            step=trainer.global_step,
            method=repr(self.unlearner),
            seconds=round(seconds, 6),
            repeated=again,
        )
        log.info(
            "forgot request %s (%s, %d) by %s in %.3f s after epoch %d%s",
            request.id or request.digest[:12],
            request.kind,
            request.size,
            type(self.unlearner).__name__,
            seconds,
            trainer.current_epoch,
            ", already forgotten under another id" if again else "",
        )
        values = {"forget/done": len(self.done), "forget/size": request.size}
        for logger in trainer.loggers:
            logger.log_metrics(values | {"forget/seconds": seconds}, step=trainer.global_step)

    def _reload(self, trainer: Any, graph: TrainingGraph) -> None:
        """Have the Trainer make its loaders anew before the next epoch."""
        if graph.needs_reload and self._users_reload is None:
            self._users_reload = trainer.reload_dataloaders_every_n_epochs
            trainer.reload_dataloaders_every_n_epochs = 1
        self._validation_is_stale = True

    def _object(self, message: str) -> None:
        if self.strict:
            raise UserError(message)
        log.warning(message)
