"""The confidence of a classification, compared with its accuracy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from multitask import missing_labels
from multitask.module import MultiTask
from multitask.tasks import Classification, Task

ALIKE = 0.01
"""Smaller differences are not reported."""


@dataclass
class Confidence:
    """Sums over the labelled samples, or pixels, of a test set.

    Args:
        count: number of labelled samples or pixels.
        confidence: sum of the probabilities of the predicted classes.
        correct: number of correct predictions.
    """

    count: int = 0
    confidence: float = 0.0
    correct: int = 0

    def add(self, probabilities: Tensor, target: Tensor) -> None:
        """Add a batch.

        Args:
            probabilities: shape ``[batch, classes, ...]``.
            target: class indices, which may be missing, shape ``[batch, ...]``.
        """
        known = missing_labels.known(target)
        highest, chosen = probabilities.max(1)
        self.count += int(known.sum())
        self.confidence += float(highest[known].double().sum())
        self.correct += int((chosen[known] == target[known]).sum())

    def in_words(self, name: str) -> str | None:
        """Describe whether the task is overconfident or underconfident; None without a label.

        Args:
            name: name of the task.
        """
        if not self.count:
            return None
        sure, right = self.confidence / self.count, self.correct / self.count
        numbers = f"mean probability {sure:.3f} of the chosen class, {right:.3f} of them right"
        if abs(sure - right) < ALIKE:
            return f"{name}: as sure as it should be on average ({numbers})"
        if sure > right:
            return f"{name}: over-confident ({numbers})"
        return (
            f"{name}: under-confident ({numbers}): a mean of probabilities is less extreme than "
            "each of them, and its answers are not worse for it; multitask calibrate corrects it"
        )


class ConfidenceOfTest(Callback):
    """Keep the `Confidence` of each classification on the test set."""

    def __init__(self) -> None:
        self.found: dict[str, Confidence] = {}

    def on_test_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Mapping[str, Tensor],
        *_: Any,
    ) -> None:
        """Add a batch."""
        assert isinstance(pl_module, MultiTask)
        for name, task in pl_module.named_tasks.items():
            if is_of_classes(task):
                found = self.found.setdefault(name, Confidence())
                found.add(task.predict(outputs[name]), missing_labels.unpacked(batch[name]))


def is_of_classes(task: Task) -> bool:
    """Whether a task predicts one probability for each class."""
    return isinstance(task, Classification) and task.pool() is not None
