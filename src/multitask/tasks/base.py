"""What every task is: a loss, metrics and a figure for one entry of the batch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torchmetrics import MetricCollection

from multitask.checkpoints.recipe import Recorded
from multitask.errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HeadCallable = Callable[[int, int], nn.Module]
Cell = str | float | None
"""What one field of a table shows; nothing where None."""


def check_losses(criterion: object, losses: Tensor, shape: Sequence[int], words: str) -> None:
    """Refuse losses that would broadcast, such as a mean over missing labels too.

    Args:
        criterion: the loss that was given.
        losses: what it returned.
        shape: what it must return.
        words: that shape in words, such as ``[batch]``.

    Raises:
        InputError: naming the loss, the shape that it returned, and what it must return.
    """
    if losses.shape != shape:
        raise InputError(
            f"loss {type(criterion).__name__} returned shape {list(losses.shape)}, but it must "
            f"return one loss for each entry, shape {words}, here {list(shape)}"
        )


class Task(Recorded, nn.Module, ABC):
    """One thing to learn from the shared representation.

    A task's name is its key in the configuration; the batch holds its target under that name.

    Args:
        head: class that maps the representation to raw outputs, called with the number of input
            and output features.
        weight: factor on the task's loss before balancing, non-negative.
    """

    headline: str
    """Name of the metric (higher is better, at most 1) that enters the overall score."""

    def __init__(self, head: HeadCallable = nn.Linear, weight: float = 1.0) -> None:
        super().__init__()
        if weight < 0:
            raise InputError(f"weight is {weight}; a task's weight is 0 or more")
        self.head = head
        self.weight = weight

    @property
    @abstractmethod
    def out_features(self) -> int:
        """Number of raw outputs that the head produces for one sample."""

    @abstractmethod
    def check(self, name: str, targets: Tensor, split: str) -> None:
        """Refuse targets that the task cannot learn or be tested with.

        Args:
            name: the task's name, for messages.
            targets: a split's targets, missing ones included; at least one sample.
            split: the split in words, ``training``, ``validation`` or ``test``.

        Raises:
            InputError: naming what does not fit and what would.
        """

    @abstractmethod
    def learn_statistics(self, name: str, targets: Tensor) -> None:
        """Look once at all training targets: check them and keep the statistics they give.

        Args:
            name: the task's name, for messages.
            targets: the training split's targets, missing ones included.

        Raises:
            InputError: if the targets do not fit the task, or none is known.
        """

    @abstractmethod
    def known(self, target: Tensor) -> Tensor:
        """Tell which samples have at least one label.

        Args:
            target: targets of a batch, missing ones included.

        Returns:
            Mask, shape ``[batch]``, bool.
        """

    @abstractmethod
    def loss(self, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Sum the loss over the known targets.

        Args:
            output: raw head outputs, shape ``[batch, out_features]``.
            target: targets of the batch, missing ones included.

        Returns:
            The sum of the losses and the sum of their weights (the number of known targets where
            they are not weighted), both scalars of the output's dtype. Their ratio is the mean.
        """

    def loss_group(self) -> Hashable | None:
        """What tasks of one class must have in common for `joint_loss` to compute their losses.

        Returns:
            Equal values for tasks that can be computed together; None if this one cannot.
        """
        return None

    @staticmethod
    def joint_loss(
        tasks: Sequence[Any], outputs: Sequence[Tensor], targets: Sequence[Tensor]
    ) -> Tensor:
        """Do for several tasks with equal `loss_group` what `loss` does for one.

        Args:
            tasks: the tasks, of one class.
            outputs: each one's raw head outputs, shape ``[batch, out_features]``.
            targets: each one's targets of the batch, missing ones included.

        Returns:
            Sums of the losses and of their weights, shape ``[2, tasks]``; equal to those of `loss`
            but for rounding.
        """
        each = zip(tasks, outputs, targets, strict=True)
        return torch.stack([torch.stack(task.loss(*pair)) for task, *pair in each], 1)

    @abstractmethod
    def predict(self, output: Tensor) -> Tensor:
        """Turn raw head outputs into what people read: probabilities, original units.

        Args:
            output: raw head outputs, shape ``[batch, out_features]``.

        Returns:
            Predictions, shape ``[batch, out_features]``, float32.
        """

    @abstractmethod
    def trivial_output(self, output: Tensor) -> Tensor:
        """Raw outputs of the trivial predictor, which knows the training targets but no image.

        Args:
            output: raw outputs of the real head, shape ``[batch, out_features]``.

        Returns:
            Raw outputs, same shape and dtype.
        """

    @abstractmethod
    def metrics(self) -> MetricCollection:
        """New metrics over predictions and targets, keyed by metric name."""

    @abstractmethod
    def update_metrics(self, metrics: MetricCollection, output: Tensor, target: Tensor) -> None:
        """Count a batch in, known targets only.

        Args:
            metrics: what `metrics` returned.
            output: raw head outputs, shape ``[batch, out_features]``.
            target: targets of the batch, missing ones included.
        """

    @abstractmethod
    def columns(self, name: str, prediction: Tensor) -> dict[str, Tensor]:
        """Columns of a table of predictions.

        Args:
            name: the task's name.
            prediction: what `predict` returned, shape ``[batch, out_features]``.

        Returns:
            Column name to values, each of shape ``[batch]``.
        """

    def side_by_side(self, prediction: Tensor, target: Tensor) -> dict[str, list[Cell]]:
        """Targets beside predictions, as columns of a table for people.

        Args:
            prediction: what `predict` returned, shape ``[samples, out_features]``.
            target: the same samples' targets, missing ones included.

        Returns:
            By what the column holds, such as ``target`` or ``probability``, a cell for each
            sample; None where a target is missing.
        """
        pairs = zip(target, self.known(target).tolist(), strict=True)
        return {
            "target": [self.caption(each) if is_known else None for each, is_known in pairs],
            "prediction": [self.caption(each) for each in prediction],
        }

    @abstractmethod
    def caption(self, value: Tensor) -> str:
        """A few characters for one prediction or target, to write under an image; may be none.

        Args:
            value: one sample's prediction, shape ``[out_features]``, or its target.
        """

    @abstractmethod
    def draw(self, axes: Axes, prediction: Tensor, target: Tensor) -> None:
        """Draw predictions against targets.

        Args:
            axes: where to draw.
            prediction: predictions, shape ``[samples, out_features]``.
            target: targets of the same samples, missing ones included.
        """
