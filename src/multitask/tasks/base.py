"""The base class of tasks: a loss and metrics for one entry of the batch, and how to show it."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torchmetrics import MetricCollection

from multitask import missing_labels
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
"""The content of one field of a table; None if it is empty."""


def check_losses(criterion: object, losses: Tensor, shape: Sequence[int], words: str) -> None:
    """Reject losses that would broadcast, such as a mean that includes missing labels.

    Args:
        criterion: the loss that was given.
        losses: what it returned.
        shape: what it must return.
        words: that shape in words, such as ``[batch]``.

    Raises:
        InputError: names the loss, the shape that it returned, and the shape that is required.
    """
    if losses.shape != shape:
        raise InputError(
            f"loss {type(criterion).__name__} returned shape {list(losses.shape)}, but it must "
            f"return one loss for each entry, shape {words}, here {list(shape)}"
        )


class Task(Recorded, nn.Module, ABC):
    """One target to learn from the shared representation.

    A task's name is its key in the configuration; the batch holds its target under that name. A
    subclass defines `out_features`, `loss`, `predict` and `metrics`; everything else has a default.

    Args:
        head: class that maps the representation to raw outputs, called with the number of input
            features and the number of output features.
        weight: factor on the task's loss before balancing, non-negative.
        headline: name of the main metric, which enters the score; default: the main metric of the
            class.
        counts: whether the task enters the score, which determines the best epoch.
        teaches: factor on the task's gradient for the parameters that tasks share, non-negative;
            its head always gets the full gradient. 0: the task does not train the shared
            parameters.
    """

    headline: str | None = None
    """Name of the metric in the score, if any; perfect is 1 if higher is better, else 0."""
    may_be_negative: bool = False
    """Whether the loss may be negative, as for a density; some balancers take logarithms."""
    kept_statistics: frozenset[str] = frozenset()
    """Buffers that come from the training of the head in another run, and that stay fixed."""

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
            raise InputError(f"weight is {weight}; a task's weight must be finite and 0 or more")
        if not 0 <= teaches < math.inf:
            raise InputError(
                f"teaches is {teaches}; the factor on a task's gradient for the encoder must be "
                "finite and 0 or more"
            )
        self.take_head(head)
        self.weight, self.counts, self.teaches = weight, counts, teaches
        if headline is not None:
            self.headline = headline

    @property
    @abstractmethod
    def out_features(self) -> int:
        """Number of raw outputs of the head for one sample, or for each pixel."""

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
        """Convert raw head outputs to predictions: probabilities, or values in original units.

        Args:
            output: raw head outputs, see `loss`.

        Returns:
            Predictions, first axis ``[batch]``, float32.
        """

    def explained_output(self, output: Any) -> Any:
        """The part of the raw outputs that explanations refer to; default: all of it.

        Args:
            output: raw head outputs, see `loss`.

        Returns:
            A number for each class or element, without those that express its uncertainty.
        """
        return output

    def uncertainty(self, output: Any) -> dict[str, Tensor]:
        """The uncertainty of each prediction; default: none.

        Args:
            output: raw head outputs, see `loss`.

        Returns:
            Name, such as ``entropy`` (in nats) or ``deviation``, ``low`` and ``high`` (in original
            units), to a tensor of shape ``[batch]``, or ``[batch, size]`` for a vector, float32.
            The names do not depend on the output.
        """
        return {}

    def take_calibration(self, told: Mapping[str, Any] | None) -> None:
        """Use a calibration for all further predictions.

        Args:
            told: values fitted to validation data; None for no calibration.

        Raises:
            InputError: if it is not a calibration for this kind of task; the default always raises
                it.
        """
        if told is not None:
            raise InputError(f"a {type(self).__name__} does not support calibration")

    def calibrated(self, output: Any) -> Any:
        """The raw outputs whose loss agrees with the calibrated predictions; default: unchanged.

        Args:
            output: raw head outputs, see `loss`.
        """
        return output

    def fit_calibration(self, output: Any, target: Tensor, level: float) -> dict[str, Any] | None:
        """Fit a calibration to samples that were not used for training.

        Args:
            output: raw head outputs of all these samples, see `loss`.
            target: their targets, missing ones included.
            level: share of the values that intervals should cover.

        Returns:
            The argument of `take_calibration`, made only of numbers and lists of numbers; None (the
            default) if there is nothing to calibrate.

        Raises:
            InputError: if the samples do not determine it; the message continues after the task's
                name.
        """
        return None

    @abstractmethod
    def metrics(self) -> MetricCollection:
        """New metrics over predictions and targets, keyed by metric name."""

    def take_head(self, head: Callable[..., nn.Module]) -> None:
        """Set the class that builds the head."""
        self.head = Factory(head)

    def build_head(self, form: Form) -> nn.Module:
        """Build the task's head.

        Args:
            form: the form of its input.

        Returns:
            A module that maps a representation of that form to raw outputs.

        Raises:
            InputError: if the task cannot read that form.
        """
        return form.before(self.head(form.features, self.out_features))

    def check(self, name: str, targets: Tensor, split: str) -> None:
        """Reject targets that the task cannot be trained or tested with; default: accept any.

        Args:
            name: the task's name, for messages.
            targets: a split's targets, missing ones included; at least one sample.
            split: the split in words, ``training``, ``validation`` or ``test``.

        Raises:
            InputError: names the problem and what is expected.
        """

    def learn_statistics(self, name: str, targets: Tensor) -> None:
        """Check all training targets and store their statistics.

        Args:
            name: the task's name, for messages.
            targets: the training split's targets, missing ones included.

        Raises:
            InputError: if the targets do not fit the task, or all are missing.
        """
        self.check(name, targets, "training")
        if not self.known(targets).any():
            raise InputError(f"task '{name}': no training sample has a label; remove the task")

    def known(self, target: Tensor) -> Tensor:
        """Find the samples that have at least one label.

        Args:
            target: targets of a batch, missing ones included.

        Returns:
            Mask, shape ``[batch]``, bool.
        """
        return missing_labels.known_samples(target)

    def trivial_output(self, output: Any) -> Any:
        """Raw outputs of the trivial predictor, which uses the training targets but no input.

        Args:
            output: raw outputs of the real head, see `loss`.

        Returns:
            Raw outputs, same shape and dtype; None (the default) if the task has no such predictor.
        """
        return None

    def pool(self) -> Pool | None:
        """Create the pool that merges the raw outputs of an ensemble's members, see `Pool`.

        Returns:
            A new pool; None (the default) if the meaning of the outputs is not known.
        """
        return None

    def sample_loss(self, output: Any, target: Tensor) -> tuple[Tensor, Tensor]:
        """Compute `loss` for each sample instead of for a batch; default: one sample at a time.

        Args:
            output: raw head outputs, see `loss`.
            target: targets of the batch, missing ones included.

        Returns:
            The sum of each sample's losses and the sum of their weights, both of shape ``[batch]``;
            both are 0 if the sample has no known target.
        """
        places = [slice(at, at + 1) for at in range(len(target))]
        pairs = [self.loss(rows_of(output, place), target[place]) for place in places]
        found = torch.stack([torch.stack(each) for each in pairs]) if pairs else torch.zeros(0, 2)
        return found[:, 0], found[:, 1]

    def distance(self, output: Any, kept: Any, temperature: float) -> Tensor | None:
        """Measure how far the outputs are from those of an older model.

        It is the loss when an older model is distilled into a new one (Li and Hoiem, 2016,
        "Learning without Forgetting", 1606.09282, equation 2).

        Args:
            output: raw head outputs, see `loss`.
            kept: the older model's raw outputs for the same inputs, of the same shape and
                standardised in the same way.
            temperature: divisor of the logits of classes; other tasks ignore it.

        Returns:
            Shape ``[batch]``, at least 0, and 0 for equal outputs; averaged over elements and
            pixels. None (the default) if the meaning of the outputs is not known.
        """
        return None

    def missing_target(self, output: Any) -> Tensor | None:
        """Targets that are all missing, for data without the task.

        Args:
            output: raw head outputs, see `loss`.

        Returns:
            First axis ``[batch]``; None (the default) if the form of the targets is not known.
        """
        return None

    def loss_group(self) -> Hashable | None:
        """The key by which tasks of one class are grouped for `joint_loss`.

        Returns:
            Equal values for tasks whose losses can be computed together; None if this task's
            cannot.
        """
        return None

    @staticmethod
    def joint_loss(
        tasks: Sequence[Any], outputs: Sequence[Tensor], targets: Sequence[Tensor]
    ) -> Tensor:
        """Compute `loss` for several tasks with equal `loss_group`.

        Args:
            tasks: the tasks, of one class.
            outputs: the raw head outputs of each task, shape ``[batch, out_features]``.
            targets: the targets of each task in the batch, missing ones included.

        Returns:
            Sums of the losses and of their weights, shape ``[2, tasks]``; equal to those of `loss`
            except for rounding.
        """
        each = zip(tasks, outputs, targets, strict=True)
        return torch.stack([torch.stack(task.loss(*pair)) for task, *pair in each], 1)

    def update_metrics(self, metrics: MetricCollection, output: Any, target: Tensor) -> None:
        """Update metrics with the known targets of a batch; default: with each labelled sample.

        Args:
            metrics: the return value of `metrics`.
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

        A column is called ``name``, or ``name.`` followed by its content. Names of tasks have no
        dots, so no two tasks share a column.

        Args:
            name: the task's name.
            prediction: the return value of `predict`, first axis ``[batch]``.

        Returns:
            Column name to values, each of shape ``[batch]``, or one text for each sample.
        """
        return {}

    def target_columns(self, name: str, target: Tensor) -> dict[str, Column]:
        """Columns of targets for the same table as `columns`; none by default.

        Args:
            name: the task's name.
            target: targets, missing ones included, first axis ``[batch]``.

        Returns:
            As for `columns`, under other names.
        """
        return {}

    def column_names(self, name: str) -> list[str]:
        """Names of the columns, which must differ from other tasks'; default: from `columns`.

        A task with columns whose raw outputs are not ``[batch, out_features]`` overrides it.

        Args:
            name: the task's name.
        """
        if type(self).columns is Task.columns:
            return []
        return list(self.columns(name, self.predict(torch.zeros(1, self.out_features))))

    def save(self, folder: Path, names: Sequence[str], prediction: Tensor) -> dict[str, list[str]]:
        """Write predictions that are not columns, such as maps, as files; none by default.

        Args:
            folder: where to write; created if needed.
            names: a file name for each sample, without an extension.
            prediction: the return value of `predict`, first axis ``[batch]``.

        Returns:
            Columns of the table of predictions, each with a path for each sample.
        """
        return {}

    def side_by_side(self, prediction: Tensor, target: Tensor) -> dict[str, list[Cell]]:
        """Targets beside predictions, as columns of a table to read.

        Args:
            prediction: the return value of `predict`, first axis ``[samples]``.
            target: the same samples' targets, missing ones included.

        Returns:
            Name of the column, such as ``target`` or ``probability``, to a cell for each sample;
            None if its target is missing.
        """
        pairs = zip(target, self.known(target).tolist(), strict=True)
        cells: dict[str, list[Cell]] = {
            "target": [self.caption(each) if is_known else None for each, is_known in pairs],
            "prediction": [self.caption(each) for each in prediction],
        }
        # A task without captions has no columns.
        return cells if any(map(any, cells.values())) else {}

    def caption(self, value: Tensor) -> str:
        """A short text for one prediction or target, to write under an image; none by default.

        Args:
            value: one sample's prediction, or its target.
        """
        return ""

    def picture(self, prediction: Tensor) -> Tensor | None:
        """Maps to show beside the inputs and the targets of samples; none by default.

        Args:
            prediction: the return value of `predict`, first axis ``[samples]``.

        Returns:
            Shape ``[samples, height, width]`` or ``[samples, channels, height, width]``.
        """
        return None

    def mark(self, marks: Marks, target: Any, prediction: Any) -> bool:
        """Draw a sample's target and prediction on its image; draws nothing by default.

        Args:
            marks: draws boxes and points in pixels of the image.
            target: the target of one sample, missing or not.
            prediction: the prediction of one sample, see `predict`; None if there is none yet.

        Returns:
            Whether targets of this kind are places in the image; False by default.
        """
        return False

    def shown_maps(self, prediction: Tensor, target: Tensor) -> ShownMaps | None:
        """Maps to draw as image, target, prediction and error; none by default.

        Args:
            prediction: the return value of `predict`, first axis ``[samples]``.
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
            Whether anything was drawn; False by default.
        """
        return False
