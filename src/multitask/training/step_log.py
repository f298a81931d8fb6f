"""Logging every few training steps: losses, balancing weights, learning rate, throughput."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from multitask.training.mean_losses import MeanLosses
from multitask.training.rates import rates_of


class StepLog(Callback):
    """Collects values cheaply in every step, and logs them every ``log_every_n_steps`` steps.

    Args:
        tasks: names of the tasks.
    """

    def __init__(self, tasks: Sequence[str]) -> None:
        self.tasks = list(tasks)
        self._is_due = False
        self._begin()

    def _begin(self) -> None:
        self.losses = MeanLosses(len(self.tasks))
        self.samples = 0
        self.began = time.perf_counter()

    def state_dict(self) -> dict[str, Any]:
        """The losses of the interval; its time ends with the process."""
        return {"sums": self.losses.sums.cpu(), "counts": self.losses.counts.cpu()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Start an interval with the losses of an earlier one."""
        self._begin()
        # Not by an update, which would round sums that training in double precision has computed.
        self.losses.sums = state_dict["sums"].clone()
        self.losses.counts = state_dict["counts"].clone()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock."""
        self.began = time.perf_counter()

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Decide whether this step is logged."""
        every = trainer.log_every_n_steps  # type: ignore[attr-defined]
        self._is_due = bool(every) and ((batch_idx + 1) % every == 0 or trainer.is_last_batch)

    def on_before_backward(
        self, trainer: Trainer, pl_module: LightningModule, loss: Tensor
    ) -> None:
        """Add the step's losses, and compute the weight of each while the graph exists."""
        model: Any = pl_module
        if model.step is None:
            # The batch was skipped.
            return
        self.losses.to(model.step.totals.device).update(model.step.totals)
        self.samples += model.step.samples
        if self._is_due or model.views.watchers:
            model.step.find_balance()

    def on_after_backward(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log the balancer's weights of the losses and gradients."""
        model: Any = pl_module
        if model.step is None:
            return
        model.step.let_go()
        if not self._is_due:
            return
        model.divergence.refuse(model)
        loss = model.step.loss
        rates = rates_of(trainer.optimizers[0])
        values = self._values(loss, model.counted_weights(), rates)
        for logger in trainer.loggers:
            row = {**values, "epoch": trainer.current_epoch}
            logger.log_metrics(row, step=trainer.global_step)
        model.log("loss", loss, prog_bar=True, logger=False)

    def _values(self, loss: Tensor, weights: Tensor, rates: dict[str, float]) -> dict[str, float]:
        """Summarise the interval and start a new one."""
        rows = torch.stack([self.losses.sums / self.losses.counts, weights.to(self.losses.sums)])
        losses, balance = rows.tolist()
        seconds = time.perf_counter() - self.began
        values = {
            "train/loss": float(loss),
            **{f"train/{name}": rate for name, rate in rates.items()},
            "train/samples_per_second": self.samples / max(seconds, 1e-9),
        }
        for task, mean, weight in zip(self.tasks, losses, balance, strict=True):
            values[f"train/{task}/weight"] = weight
            if mean == mean:
                values[f"train/{task}/loss"] = mean
        self._begin()
        return values
