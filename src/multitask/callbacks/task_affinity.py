"""Which task's training helps which: estimated in one run, by looking one step ahead."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from multitask.callbacks.unfreezing import Unfreezing
from multitask.distributed import sum_losses, world_size
from multitask.errors import InputError
from multitask.module import MultiTask
from multitask.training.kept_outputs import kept_of


class TaskAffinity(Callback):
    """Logs how much a step of the encoder for one task alone would lower another task's loss.

    Fifty et al., 2021 (arXiv 2109.04617), equation 1: ``affinity/<task>/<other>`` is the mean over
    the looks so far of ``1 - L_other(after) / L_other(before)``, where the encoder has taken a
    plain gradient step for ``task`` on the same batch. Positive: training ``task`` helps
    ``other``. A look takes a backward and a forward pass for each task, and changes nothing. While
    `Unfreezing` keeps all of the encoder frozen, there are no looks. What a task ``teaches`` does
    not enter: of a task that only reads, it tells whether it should teach.

    Args:
        every: how often to look, in batches.
        learning_rate: of the step that is tried; default: the optimizer's.

    Raises:
        InputError: if ``every`` is less than 1.
    """

    def __init__(self, every: int = 50, learning_rate: float | None = None) -> None:
        if every < 1:
            raise InputError(f"every is {every}; it counts batches, from 1 on")
        self.every, self.learning_rate = every, learning_rate
        self.batches = 0
        self._sums: Tensor | float = 0.0
        self._looks: Tensor | float = 0.0

    def state_dict(self) -> dict[str, Any]:
        """All looks so far, summed."""
        return {"batches": self.batches, "sums": self._sums, "looks": self._looks}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up what `state_dict` returned."""
        self.batches = state_dict["batches"]
        self._sums, self._looks = state_dict["sums"], state_dict["looks"]

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Refuse a strategy under which no step can be tried, or an encoder that takes none.

        Raises:
            InputError: with what to set.
        """
        if stage == "fit" and pl_module.device_mesh is not None:
            raise InputError("TaskAffinity needs whole parameters: take the strategy ddp")
        if stage == "fit":
            assert isinstance(pl_module, MultiTask)
            self.check(pl_module, trainer)

    def check(self, model: MultiTask, trainer: Trainer) -> None:
        """Refuse an encoder of which nothing learns in a training.

        Args:
            model: the model.
            trainer: the Trainer, before it trains.

        Raises:
            InputError: with what to change.
        """
        encoder, callbacks = model.encoder, trainer.callbacks  # type: ignore[attr-defined]
        plans = [each for each in callbacks if isinstance(each, Unfreezing)]
        is_frozen = not any(each.requires_grad for each in encoder.parameters())
        if is_frozen or any(each.never_learns(encoder, model) for each in plans):
            raise InputError(
                "TaskAffinity tries steps of the encoder, which is frozen: leave TaskAffinity out, "
                "or let a part of the encoder learn"
            )

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Look ahead if it is time, and log."""
        assert isinstance(pl_module, MultiTask)
        is_due = self.batches % self.every == 0
        self.batches += 1
        if not is_due or not any(each.requires_grad for each in pl_module.encoder.parameters()):
            return
        rates = {
            id(parameter): self.learning_rate or group["lr"]
            for group in trainer.optimizers[0].param_groups
            for parameter in group["params"]
        }
        found = _affinities(pl_module, batch, rates).cpu().double()
        known = found.isfinite()
        self._sums = self._sums + torch.where(known, found, 0)
        self._looks = self._looks + known.double()
        means = torch.as_tensor(self._sums) / torch.as_tensor(self._looks)
        tasks = list(pl_module.tasks)
        values = {
            f"affinity/{task}/{other}": float(means[i, j])
            for i, task in enumerate(tasks)
            for j, other in enumerate(tasks)
            if i != j and bool(means[i, j].isfinite())
        }
        for logger in trainer.loggers:
            row = {**values, "epoch": trainer.current_epoch}
            logger.log_metrics(row, step=trainer.global_step)


def _affinities(model: MultiTask, batch: dict[str, Tensor], rates: dict[int, float]) -> Tensor:
    shared = {
        name: parameter
        for name, parameter in model.named_parameters()
        if name.startswith("encoder.") and parameter.requires_grad
    }
    before, labelled = model.tried(batch), _labelled(model, batch)
    rows = []
    for loss, known in zip(before, labelled, strict=True):
        if not known:
            rows.append(torch.full_like(before, torch.nan))
            continue
        gradients = torch.autograd.grad(
            loss, list(shared.values()), retain_graph=True, materialize_grads=True
        )
        stepped = {
            name: parameter.detach() - rates[id(parameter)] * _averaged(gradient)
            for (name, parameter), gradient in zip(shared.items(), gradients, strict=True)
        }
        with torch.no_grad():
            after = model.tried(batch, stepped)
        rows.append(torch.where(labelled, 1 - after / before.detach(), torch.nan))
    return torch.stack(rows)


def _labelled(model: MultiTask, batch: dict[str, Tensor]) -> Tensor:
    """Which tasks have a label in the global batch, shape ``[tasks]``, bool."""
    tasks = model.named_tasks.items()
    known = [task.known(batch[name]).sum() for name, task in tasks]
    kept = [len(batch[name]) * (kept_of(batch, name) is not None) for name, _ in tasks]
    return sum_losses(torch.stack(known) + torch.tensor(kept, device=known[0].device)) > 0


def _averaged(gradient: Tensor) -> Tensor:
    if world_size() > 1:
        dist.all_reduce(gradient)
        gradient /= world_size()
    return gradient
