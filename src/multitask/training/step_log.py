"""What training logs every few steps: losses, balancing weights, learning rate, throughput."""

from __future__ import annotations

import time

import torch
from torch import Tensor

from multitask.training.mean_losses import MeanLosses


class StepLog:
    """Collects cheaply every step, and makes a dictionary of numbers when asked.

    Args:
        tasks: names of the tasks.
    """

    def __init__(self, tasks: list[str]) -> None:
        self.tasks = tasks
        self.start()

    def start(self) -> None:
        """Begin a new interval."""
        self.losses = MeanLosses(len(self.tasks))
        self.images = 0
        self.began = time.perf_counter()

    def state_dict(self) -> dict[str, Tensor]:
        """The losses of the interval; its time ends with the process."""
        return {"sums": self.losses.sums.cpu(), "counts": self.losses.counts.cpu()}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Begin an interval with the losses of one before."""
        self.start()
        # Not by an update, which would round what training in double precision has summed.
        self.losses.sums, self.losses.counts = state["sums"].clone(), state["counts"].clone()

    def count(self, totals: Tensor, images: int) -> None:
        """Add a step.

        Args:
            totals: sums of the global batch's losses and of their weights, ``[2, tasks]``.
            images: number of images in the global batch.
        """
        self.losses.to(totals.device).update(totals)
        self.images += images

    def values(self, loss: Tensor, weights: Tensor, learning_rate: float) -> dict[str, float]:
        """Summarise the interval and begin a new one.

        Args:
            loss: the balanced loss of the last step, scalar.
            weights: derivative of that loss by each task's loss, shape ``[tasks]``.
            learning_rate: of the last step.

        Returns:
            Values by name; the losses are means over the interval.
        """
        device = torch.stack([self.losses.sums / self.losses.counts, weights.to(self.losses.sums)])
        losses, balance = device.tolist()
        seconds = time.perf_counter() - self.began
        values = {
            "train/loss": float(loss),
            "train/learning_rate": learning_rate,
            "train/images_per_second": self.images / max(seconds, 1e-9),
        }
        for task, mean, weight in zip(self.tasks, losses, balance, strict=True):
            values[f"train/{task}/weight"] = weight
            if mean == mean:
                values[f"train/{task}/loss"] = mean
        self.start()
        return values
