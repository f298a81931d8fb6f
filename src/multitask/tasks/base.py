"""What every task is: a loss and metrics for one entry of the batch, and how people see it."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torchmetrics import MetricCollection

from multitask import labels
from multitask.checkpoints.recipe import Factory, Recorded
from multitask.encoders.forms import Form
from multitask.errors import InputError
from multitask.tasks.output import rows_of
from multitask.tasks.pooling import Pool
from multitask.tasks.shown_maps import ShownMaps

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from multitask.tasks.marks import Marks

HeadCallable = Callable[[int, int], nn.Module]
MapHeadCallable = Callable[[Form, int], nn.Module]
Column = Tensor | list[str]
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

    A task's name is its key in the configuration; the batch holds its target under that name. A
    subclass has `out_features`, `loss`, `predict` and `metrics`; everything else has a default.

    Args:
        head: class that maps the representation to raw outputs, called with the number of input
            and output features.
        weight: factor on the task's loss before balancing, non-negative.
        headline: name of the metric by which people judge the task, and which enters the score;
            default: that of the class.
        counts: whether the task counts in the score, by which the best epoch is chosen.
        teaches: factor on the task's gradient for the part of the model that tasks share,
            non-negative; its head learns fully. 0: the head only reads what other tasks teach.
    """

    headline: str | None = None
    """Name of the metric in the score, if any; perfect is 1 if higher is better, else 0."""
    may_be_negative: bool = False
    """Whether the loss may be below 0, as that of a density; some balancers take logarithms."""
    kept_statistics: frozenset[str] = frozenset()
    """Buffers that the head was trained with in another run, and that no data change any more."""

    def __init__(
        self,
        head: HeadCallable = nn.Linear,
        weight: float = 1.0,
        headline: str | None = None,
        counts: bool = True,
        teaches: float = 1.0,
    ) -> None:
        super().__init__()
        if not 0 <= weight < math.inf:
            raise InputError(f"weight is {weight}; a task's weight is 0 or more, and finite")
        if not 0 <= teaches < math.inf:
            raise InputError(
                f"teaches is {teaches}; the factor on a task's gradient for the encoder is 0 or "
                "more, and finite"
            )
        self.take_head(head)
        self.weight, self.counts, self.teaches = weight, counts, teaches
        if headline is not None:
            self.headline = headline

    @property
    @abstractmethod
    def out_features(self) -> int:
        """Number of raw outputs that the head produces for one sample, or for each pixel."""

    @abstractmethod
    def loss(self, output: Any, target: Tensor) -> tuple[Tensor, Tensor]:
        """Sum the loss over the known targets.

        Args:
            output: raw head outputs, shape ``[batch, out_features]``, or
                ``[batch, out_features, height, width]`` of a map; a dictionary of tensors if the
                head returns several.
            target: targets of the batch, missing ones included.

        Returns:
            The sum of the losses and the sum of their weights (the number of known targets if
            they are not weighted), both scalars of the output's dtype. Their ratio is the mean.
        """

    @abstractmethod
    def predict(self, output: Any) -> Tensor:
        """Turn raw head outputs into what people read: probabilities, original units.

        Args:
            output: raw head outputs, see `loss`.

        Returns:
            Predictions, first axis ``[batch]``, float32.
        """

    def explained_output(self, output: Any) -> Any:
        """What of the raw outputs is explained by what the model looks at; all by default.

        Args:
            output: raw head outputs, see `loss`.

        Returns:
            A number for each class or element, without those that tell how uncertain they are.
        """
        return output

    def uncertainty(self, output: Any) -> dict[str, Tensor]:
        """How uncertain each prediction is; unknown by default.

        Args:
            output: raw head outputs, see `loss`.

        Returns:
            By what it is, such as ``entropy`` (in nats) or ``deviation``, ``low`` and ``high`` (in
            original units): shape ``[batch]``, or ``[batch, size]`` of a vector, float32. Which
            there are does not depend on the output.
        """
        return {}

    def take_calibration(self, told: Mapping[str, Any] | None) -> None:
        """Predict from now on as a calibration tells.

        Args:
            told: what was fitted to validation data; None to predict as training has left it.

        Raises:
            InputError: if it is not a calibration of this kind of task, by default always.
        """
        if told is not None:
            raise InputError(f"a {type(self).__name__} takes no calibration")

    def fit_calibration(self, output: Any, target: Tensor, level: float) -> dict[str, Any] | None:
        """Fit a calibration to samples that were not trained on.

        Args:
            output: raw head outputs of all of them, see `loss`.
            target: their targets, missing ones included.
            level: share of the values that intervals are to cover.

        Returns:
            What `take_calibration` takes, in numbers and lists of numbers alone; None (the default)
            if there is nothing to calibrate.

        Raises:
            InputError: if the samples do not determine it; the sentence begins behind the task.
        """
        return None

    @abstractmethod
    def metrics(self) -> MetricCollection:
        """New metrics over predictions and targets, keyed by metric name."""

    def take_head(self, head: Callable[..., nn.Module]) -> None:
        """Keep the class that makes the head."""
        self.head = Factory(head)

    def build_head(self, form: Form) -> nn.Module:
        """Build the network that is this task's own.

        Args:
            form: what it gets.

        Returns:
            A module that takes a representation of that form and returns raw outputs.

        Raises:
            InputError: if the task cannot read that form.
        """
        return form.before(self.head(form.features, self.out_features))

    def check(self, name: str, targets: Tensor, split: str) -> None:
        """Refuse targets that the task cannot learn or be tested with; takes any by default.

        Args:
            name: the task's name, for messages.
            targets: a split's targets, missing ones included; at least one sample.
            split: the split in words, ``training``, ``validation`` or ``test``.

        Raises:
            InputError: naming what does not fit and what would.
        """

    def learn_statistics(self, name: str, targets: Tensor) -> None:
        """Look once at all training targets: check them and keep the statistics they give.

        Args:
            name: the task's name, for messages.
            targets: the training split's targets, missing ones included.

        Raises:
            InputError: if the targets do not fit the task, or none is known.
        """
        self.check(name, targets, "training")
        if not self.known(targets).any():
            raise InputError(f"task '{name}': no training sample has a label; remove the task")

    def known(self, target: Tensor) -> Tensor:
        """Tell which samples have at least one label.

        Args:
            target: targets of a batch, missing ones included.

        Returns:
            Mask, shape ``[batch]``, bool.
        """
        return labels.known_samples(target)

    def trivial_output(self, output: Any) -> Any:
        """Raw outputs of the trivial predictor, which knows the training targets but no input.

        Args:
            output: raw outputs of the real head, see `loss`.

        Returns:
            Raw outputs, same shape and dtype; None (the default) if the task has no such predictor.
        """
        return None

    def pool(self) -> Pool | None:
        """What makes one raw output of those of an ensemble's members, see `Pool`.

        Returns:
            A new one; None (the default) if nothing is known of what the outputs mean.
        """
        return None

    def sample_loss(self, output: Any, target: Tensor) -> tuple[Tensor, Tensor]:
        """Do for each sample what `loss` does for a batch; by default one sample after the other.

        Args:
            output: raw head outputs, see `loss`.
            target: targets of the batch, missing ones included.

        Returns:
            The sum of each sample's losses and that of their weights, both of shape ``[batch]``;
            both 0 if the sample has no known target.
        """
        places = [slice(at, at + 1) for at in range(len(target))]
        pairs = [self.loss(rows_of(output, place), target[place]) for place in places]
        found = torch.stack([torch.stack(each) for each in pairs]) if pairs else torch.zeros(0, 2)
        return found[:, 0], found[:, 1]

    def distance(self, output: Any, kept: Any, temperature: float) -> Tensor | None:
        """How far what the outputs say is from what an older model's outputs say.

        Distilling an older model into a new one makes it small (Li and Hoiem, 2016, "Learning
        without Forgetting", 1606.09282, equation 2).

        Args:
            output: raw head outputs, see `loss`.
            kept: the older model's raw outputs for the same inputs, of the same shape and
                standardised in the same way.
            temperature: by which raw outputs of classes are divided; other tasks have none.

        Returns:
            Shape ``[batch]``, at least 0, which equal outputs have; means over elements and pixels.
            None (the default) if nothing is known of what the outputs mean.
        """
        return None

    def missing_target(self, output: Any) -> Tensor | None:
        """Targets of which none is known, for data that lack the task.

        Args:
            output: raw head outputs, see `loss`.

        Returns:
            First axis ``[batch]``; None (the default) if nothing is known of how targets look.
        """
        return None

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

    def update_metrics(self, metrics: MetricCollection, output: Any, target: Tensor) -> None:
        """Count a batch in, known targets only; by default each sample that has a label.

        Args:
            metrics: what `metrics` returned.
            output: raw head outputs, see `loss`.
            target: targets of the batch, missing ones included.
        """
        known = self.known(target)
        if known.any():
            metrics.update(self.predict(rows_of(output, known)), target[known])

    @property
    def class_names(self) -> list[str] | None:
        """The names of the classes in the order of their numbers; None if there are no classes."""
        return None

    def columns(self, name: str, prediction: Tensor) -> dict[str, Column]:
        """Columns of a table of predictions; none by default.

        A column is called ``name``, or ``name.`` and what it holds: names of tasks have no dots, so
        no two tasks share a column.

        Args:
            name: the task's name.
            prediction: what `predict` returned, first axis ``[batch]``.

        Returns:
            Column name to values, each of shape ``[batch]``, or a text for each sample.
        """
        return {}

    def target_columns(self, name: str, target: Tensor) -> dict[str, Column]:
        """Columns of targets beside those of `columns`; none by default.

        Args:
            name: the task's name.
            target: targets, missing ones included, first axis ``[batch]``.

        Returns:
            As `columns`, under other names.
        """
        return {}

    def column_names(self, name: str) -> list[str]:
        """Names by which columns of other tasks are told apart; those of `columns` by default.

        A task with columns whose raw outputs are not ``[batch, out_features]`` says them itself.

        Args:
            name: the task's name.
        """
        if type(self).columns is Task.columns:
            return []
        return list(self.columns(name, self.predict(torch.zeros(1, self.out_features))))

    def save(self, folder: Path, names: Sequence[str], prediction: Tensor) -> dict[str, list[str]]:
        """Write predictions that are not columns, such as maps, as files; none by default.

        Args:
            folder: where to write, made if needed.
            names: a file name for each sample, without an ending.
            prediction: what `predict` returned, first axis ``[batch]``.

        Returns:
            Columns of the table of predictions, each with a path for each sample.
        """
        return {}

    def side_by_side(self, prediction: Tensor, target: Tensor) -> dict[str, list[Cell]]:
        """Targets beside predictions, as columns of a table for people.

        Args:
            prediction: what `predict` returned, first axis ``[samples]``.
            target: the same samples' targets, missing ones included.

        Returns:
            By what the column holds, such as ``target`` or ``probability``, a cell for each
            sample; None where a target is missing.
        """
        pairs = zip(target, self.known(target).tolist(), strict=True)
        cells: dict[str, list[Cell]] = {
            "target": [self.caption(each) if is_known else None for each, is_known in pairs],
            "prediction": [self.caption(each) for each in prediction],
        }
        # A task without words for its values has no columns.
        return cells if any(map(any, cells.values())) else {}

    def caption(self, value: Tensor) -> str:
        """A few characters for one prediction or target, to write under an image; none by default.

        Args:
            value: one sample's prediction, or its target.
        """
        return ""

    def picture(self, prediction: Tensor) -> Tensor | None:
        """Maps to show beside the inputs and the targets of samples; none by default.

        Args:
            prediction: what `predict` returned, first axis ``[samples]``.

        Returns:
            Shape ``[samples, height, width]`` or ``[samples, channels, height, width]``.
        """
        return None

    def mark(self, marks: Marks, target: Any, prediction: Any) -> bool:
        """Draw a sample's target and prediction on its image; by default there is nothing to draw.

        Args:
            marks: takes boxes and points in pixels of the image.
            target: one sample's, missing or not.
            prediction: one sample's, see `predict`; None before there is one.

        Returns:
            Whether targets of this kind are places in the image; not by default.
        """
        return False

    def shown_maps(self, prediction: Tensor, target: Tensor) -> ShownMaps | None:
        """Maps to draw as image, target, prediction and error; none by default.

        Args:
            prediction: what `predict` returned, first axis ``[samples]``.
            target: the same samples' targets, missing ones included.
        """
        return None

    def draw(self, axes: Axes, prediction: Tensor, target: Tensor) -> bool:
        """Draw predictions against targets.

        Args:
            axes: where to draw.
            prediction: predictions, first axis ``[samples]``.
            target: targets of the same samples, missing ones included.

        Returns:
            Whether there is something to see; not by default.
        """
        return False
