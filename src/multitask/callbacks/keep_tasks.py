"""New tasks, learned without forgetting the tasks of an old run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from multitask.callbacks.old_metrics import old_metrics
from multitask.callbacks.old_run import OldRun, read_old_run
from multitask.callbacks.old_tasks import (
    check_outputs,
    kept_names,
    outputs_for_look,
    take_statistics,
)
from multitask.callbacks.task_affinity import TaskAffinity
from multitask.configuration.trust import refuse_for_stranger
from multitask.data import DataModule
from multitask.data.added_tasks import add_missing
from multitask.errors import InputError
from multitask.module import MultiTask
from multitask.pages.words import listed
from multitask.training.kept_outputs import KeptOutputs, entries

NAME = "KeepTasks"


class KeepTasks(Callback):
    """Keep the outputs of some tasks close to those of an old run's model during training.

    Learning without forgetting (Li and Hoiem, 2016, arXiv 1606.09282): the old model is frozen and
    computes its outputs for each training batch, with the same augmentation that the model sees.
    The mean of `multitask.tasks.Task.distance` over the global batch, multiplied by ``weight``, is
    added to the task's loss. The old tasks need no labels; rows with a label also contribute to the
    task's own loss. A task that the data lack is added to them without labels. Kept tasks use the
    statistics of the old run, such as the mean and standard deviation that standardise numbers.

    Start from the old run's weights (``run.weights``), which ``multitask extend`` writes. The old
    model is part of neither the model's parameters nor its checkpoints. Its checkpoint is needed
    only to train and to resume. With attacks on images, the old model sees the images before the
    attack.

    The old model's metrics before training are logged as ``before/<split>/<task>/<metric>``, and
    the mean distance as ``train/<task>/distance``.

    Args:
        checkpoint: checkpoint of the old run, or the run's folder.
        weight: factor on the distances, above 0. With a larger weight, less is forgotten and new
            tasks are learned more slowly.
        temperature: temperature of classes, above 0. The higher it is, the more the similarity of
            classes counts.
        tasks: tasks to keep; default: all tasks of the checkpoint.
        trust: whether the checkpoint may name any class, and so run any code. If not, only classes
            of well-known packages are allowed: see docs/security.md.

    Raises:
        InputError: if a number is invalid.
    """

    def __init__(
        self,
        checkpoint: str,
        weight: float = 1.0,
        temperature: float = 2.0,
        tasks: Sequence[str] | None = None,
        trust: bool = False,
    ) -> None:
        for name, value in (("weight", weight), ("temperature", temperature)):
            if not 0 < value < math.inf:
                raise InputError(f"{NAME}: {name} is {value}; give a number above 0")
        if tasks is not None and (not tasks or len(set(tasks)) < len(tasks)):
            raise InputError(
                f"{NAME}: tasks is {list(tasks)}; name at least one, and each only once"
            )
        if trust:
            refuse_for_stranger("trust is true")
        self.checkpoint, self.trust = str(checkpoint), trust
        self.weight, self.temperature = weight, temperature
        self.tasks = None if tasks is None else list(tasks)
        self.before: dict[str, float] = {}
        """The old model's metrics, by name, once training has started."""
        self._old: OldRun | None = None
        self._kept: KeptOutputs | None = None
        self._sha256: str | None = None
        self._is_new = False

    @property
    def state_key(self) -> str:
        """The key of the state; several callbacks may keep the tasks of several runs."""
        return NAME if self.tasks is None else f"{NAME}({', '.join(self.tasks)})"

    def state_dict(self) -> dict[str, Any]:
        """The checkpoint of the old run, and its metrics."""
        return {"sha256": self._sha256, "before": self.before}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore what `state_dict` returned."""
        self._sha256, self.before = state_dict["sha256"], dict(state_dict["before"])

    def prepare(self, model: MultiTask, data: DataModule, is_training: bool) -> None:
        """Give the tasks their statistics, and add missing tasks to the data.

        Args:
            model: the model.
            data: the data.
            is_training: whether the old model is needed.

        Raises:
            InputError: if the old run has different tasks or inputs.
        """
        data.setup()
        try:
            if is_training:
                self._prepare_training(model, data)
            else:
                _add_lacking(data, model, self.tasks or list(model.named_tasks))
        except InputError as error:
            raise InputError(f"{NAME}: {error}") from error

    def _prepare_training(self, model: MultiTask, data: DataModule) -> None:
        old = self._old or read_old_run(self.checkpoint, self.trust)
        names = kept_names(old, model, self.tasks)
        kept = [model.named_tasks[name] for name in names]
        if not any(each.teaches * each.weight > 0 for each in kept):
            readers = listed((f"'{name}'" for name in names), 12)
            raise InputError(
                f"teaches or weight is 0 for {readers}, so nothing keeps the encoder as it was; "
                "give one of the kept tasks more than 0"
            )
        take_statistics(old, model, data, names)
        _, outputs = outputs_for_look(old, data)
        for name in names:
            _add_target(data, name, model.named_tasks[name].missing_target(outputs[name]))
        self._old, self._kept = old, KeptOutputs(names, self.weight, self.temperature)

    def check(self, model: MultiTask, data: DataModule) -> None:
        """Reject outputs that cannot be compared.

        Args:
            model: the model.
            data: the data.

        Raises:
            InputError: with the name of the task.
        """
        assert self._old is not None
        assert self._kept is not None
        try:
            check_outputs(self._old, model, data, self._kept.tasks)
        except InputError as error:
            raise InputError(f"{NAME}: {error}") from error

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Check the model and the data; read the old model before training."""
        assert isinstance(pl_module, MultiTask)
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
        self.prepare(pl_module, data, stage == "fit")
        if stage != "fit":
            return
        self.check(pl_module, data)
        self._refuse_others(trainer.callbacks)  # type: ignore[attr-defined]
        assert self._kept is not None
        losses = pl_module.task_losses
        losses.kept = [each for each in losses.kept if each.tasks != self._kept.tasks]
        losses.kept.append(self._kept)

    def _refuse_others(self, callbacks: Sequence[Callback]) -> None:
        assert self._kept is not None
        place = callbacks.index(self)
        for each in callbacks[:place]:
            if isinstance(each, TaskAffinity):
                raise InputError(f"{NAME} must come before TaskAffinity, which needs its outputs")
            if isinstance(each, KeepTasks) and each._kept is not None:
                for name in set(self._kept.tasks) & set(each._kept.tasks):
                    raise InputError(
                        f"two {NAME} keep the task '{name}'; list the tasks of each with tasks"
                    )

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Move the old model to the device, and measure it unless training is resumed."""
        old = self._old
        assert old is not None
        assert isinstance(pl_module, MultiTask)
        if self._sha256 not in (None, old.sha256):
            raise InputError(
                f"{NAME}: {old.path} is not the checkpoint that this run started with; restore "
                "that one to continue, or start a new run"
            )
        trainer.precision_plugin.convert_module(old.model)
        old.model.to(pl_module.device)
        if self._sha256 is None:
            assert self._kept is not None
            self.before = old_metrics(old.model, self._kept.tasks, trainer, pl_module)
            self._sha256, self._is_new = old.sha256, True

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Add the old model's outputs to the batch."""
        assert self._old is not None
        assert self._kept is not None
        if self._is_new:
            # Not earlier, because a run removes whatever is logged before its first batch.
            self._is_new = False
            for logger in trainer.loggers:
                row = {**self.before, "epoch": trainer.current_epoch}
                logger.log_metrics(row, step=trainer.global_step)
        model = self._old.model
        with torch.no_grad(), trainer.precision_plugin.forward_context():
            outputs = model(*model.inputs_of(batch))
        batch |= entries(outputs, self._kept.tasks)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Log the mean distances of a batch."""
        assert isinstance(pl_module, MultiTask)
        assert self._kept is not None
        every = trainer.log_every_n_steps  # type: ignore[attr-defined]
        is_due = bool(every) and ((batch_idx + 1) % every == 0 or trainer.is_last_batch)
        if not is_due or pl_module.step is None:
            return
        sums, counts = pl_module.step.totals[2:]
        found = dict(zip(pl_module.named_tasks, (sums / counts).tolist(), strict=True))
        row = {f"train/{name}/distance": found[name] / self.weight for name in self._kept.tasks}
        for logger in trainer.loggers:
            row["epoch"] = trainer.current_epoch
            logger.log_metrics(row, step=trainer.global_step - 1)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Pass the metrics on to the run's summary."""
        self._tell(trainer)

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Pass the metrics on to the report of the test after training."""
        self._tell(trainer)

    def _tell(self, trainer: Trainer) -> None:
        found: dict[str, Tensor] = {name: torch.tensor(each) for name, each in self.before.items()}
        trainer.callback_metrics.update(found)

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Release the old model after training."""
        if stage == "fit" and self._old is not None:
            assert isinstance(pl_module, MultiTask)
            self._old = None
            pl_module.task_losses.kept = []


def _add_lacking(data: DataModule, model: MultiTask, names: Sequence[str]) -> None:
    split = next(iter(data.splits.values()))
    lacking = [name for name in names if any(name not in s.targets for s in data.splits.values())]
    lacking = [name for name in lacking if name in model.named_tasks]
    if not lacking:
        return
    batch = data.on_after_batch_transfer(split[torch.arange(1)], 0)
    was_training = model.training
    model.eval()
    with torch.no_grad():
        outputs = model(*model.inputs_of(batch))
    model.train(was_training)
    for name in lacking:
        _add_target(data, name, model.named_tasks[name].missing_target(outputs[name]))


def _add_target(data: DataModule, name: str, like: Tensor | None) -> None:
    if like is not None:
        add_missing(data, name, like)
