"""One of several classes."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, kl_div
from torchmetrics import MetricCollection
from torchmetrics.classification import MulticlassAccuracy, MulticlassF1Score

from multitask import missing_labels
from multitask.errors import InputError
from multitask.missing_labels import MISSING_CLASS
from multitask.tasks.auroc import HistogramAUROC
from multitask.tasks.balanced_accuracy import BalancedAccuracy
from multitask.tasks.base import Cell, Column, HeadCallable, Task, check_losses
from multitask.tasks.calibration import told_temperature
from multitask.tasks.calibration_error import CalibrationError
from multitask.tasks.class_weights import ClassWeights, balanced_weights, check_weights, factors
from multitask.tasks.confusion_figure import draw_confusion
from multitask.tasks.naming import distinct
from multitask.tasks.pooling import ProbabilityPool
from multitask.tasks.sample_means import BrierScore, NegativeLogLikelihood
from multitask.tasks.temperature import fitted_temperature

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_CLASSES = 10_000_000
"""More classes than any data set has; their names alone take half a gigabyte."""


class Classification(Task):
    """Predict one of ``num_classes`` classes.

    Targets have shape ``[batch]``, dtype int64, from 0 to ``num_classes - 1``, -100 where missing.
    The loss is the cross entropy.

    Args:
        num_classes: number of classes, at least 2.
        classes: names of the classes, for figures; default: their numbers.
        label_smoothing: probability mass spread evenly over the classes, from 0 to 1 (Szegedy et
            al., 2016, "Rethinking the Inception Architecture", section 7).
        class_weights: factor on the loss of each class; the mean divides by the sum of the factors,
            as in ``torch.nn.CrossEntropyLoss``. Finite, 0 or more, not all 0; or ``balanced``: the
            inverse of each class's frequency among the training labels.
        loss: a module that replaces the cross entropy. It receives raw outputs ``[batch,
            num_classes]`` and targets ``[batch]``, and returns losses ``[batch]``.
        head: see `Task`.
        weight: see `Task`.
        headline: see `Task`.
        counts: see `Task`.
        effective_number: with ``balanced``, how quickly further samples of a class lose weight,
            from 0 (all classes have the same weight) to below 1 (the inverse frequency), such as
            0.99: see `multitask.tasks.class_weights.balanced_weights`.
        teaches: see `Task`.
    """

    headline = "accuracy"
    class_frequencies: Tensor
    class_weights: Tensor
    criterion: Any
    temperature: float = 1.0
    """Divisor of the raw outputs (Guo et al., 2017, 1706.04599), fitted after training."""

    def __init__(
        self,
        num_classes: int,
        classes: Sequence[str] | None = None,
        label_smoothing: float = 0.0,
        class_weights: ClassWeights = None,
        loss: nn.Module | None = None,
        head: HeadCallable = nn.Linear,
        weight: float = 1.0,
        headline: str | None = None,
        counts: bool = True,
        effective_number: float | None = None,
        teaches: float = 1.0,
    ) -> None:
        super().__init__(head, weight, headline, counts, teaches)
        if num_classes < 2:
            raise InputError(f"num_classes is {num_classes}; a classification needs at least 2")
        if num_classes > MOST_CLASSES:
            raise InputError(
                f"num_classes is {num_classes}; a classification supports at most "
                f"{MOST_CLASSES:,}, so give the number of classes in the labels"
            )
        check_weights(num_classes, class_weights, effective_number)
        if classes is not None and len(classes) != num_classes:
            raise InputError(
                f"classes has {len(classes)} entries, but num_classes is {num_classes}; give one "
                "for each class"
            )
        if not 0 <= label_smoothing <= 1:
            raise InputError(f"label_smoothing is {label_smoothing}; it must be from 0 to 1")
        if loss is not None and label_smoothing:
            raise InputError(
                f"label_smoothing is {label_smoothing}, which the cross entropy supports and the "
                f"loss {type(loss).__name__} does not; pass it to the loss, or remove one of them"
            )
        if isinstance(getattr(loss, "weight", None), Tensor):
            raise InputError(
                f"loss {type(loss).__name__} has its own weight, by which the mean would not "
                "be divided; set the weights of the classes with class_weights"
            )
        self.num_classes = num_classes
        self.classes = list(classes or map(str, range(num_classes)))
        self.label_smoothing = label_smoothing
        self.criterion = loss
        if hasattr(loss, "reduction"):
            self.criterion.reduction = "none"
        self.is_balanced = class_weights == "balanced"
        self.effective_number = effective_number
        self.register_buffer("class_weights", factors(num_classes, class_weights))
        self.register_buffer("class_frequencies", torch.ones(num_classes) / num_classes)

    @property
    def has_numbers_as_names(self) -> bool:
        """Whether the classes have no names but their numbers."""
        return self.classes == list(map(str, range(self.num_classes)))

    @property
    def class_names(self) -> list[str] | None:
        return self.classes

    @property
    def out_features(self) -> int:
        return self.num_classes

    def check(self, name: str, targets: Tensor, split: str) -> None:
        if targets.dtype != torch.int64:
            raise InputError(
                f"task '{name}': its {split} targets are {targets.dtype}; a classification needs "
                f"class numbers (int64): {_cure(targets)}"
            )
        if targets.ndim != 1:
            raise InputError(
                f"task '{name}': its {split} targets have shape {tuple(targets.shape)}; a "
                "classification needs one class number per sample, shape [samples]"
            )
        known = targets[self.known(targets)]
        if len(known) and known.min() < 0:
            raise InputError(
                f"task '{name}': the {split} labels include class {int(known.min())}; classes "
                f"are numbered from 0, and {MISSING_CLASS} marks a missing label"
            )
        if len(known) and known.min() == 1 and known.max() == self.num_classes:
            raise InputError(
                f"task '{name}': the {split} labels are from 1 to {self.num_classes}, but classes "
                f"are numbered from 0 to {self.num_classes - 1}; subtract 1 from each"
            )
        if len(known) and known.max() >= self.num_classes:
            raise InputError(
                f"task '{name}': the {split} labels include class {int(known.max())}, but "
                f"num_classes is {self.num_classes}; classes are numbered from 0, so set "
                f"num_classes to {int(known.max()) + 1}"
            )

    def learn_statistics(self, name: str, targets: Tensor) -> None:
        super().learn_statistics(name, targets)
        # One number for each sample, or for each pixel.
        numbers = missing_labels.unpacked(targets)
        counts = torch.bincount(
            numbers[missing_labels.known(numbers)], minlength=self.num_classes
        ).float()
        self.class_frequencies.copy_(counts / counts.sum())
        if self.is_balanced:
            self.class_weights.copy_(balanced_weights(counts, self.effective_number))

    def loss(self, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        losses, weights = self._each(output, target)
        return losses.sum(), weights.sum()

    def sample_loss(self, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        # The per-sample values of a subclass's own loss are not known.
        if type(self).loss is not Classification.loss:
            return super().sample_loss(output, target)
        return self._each(output, target)

    def _each(self, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """The loss and the weight of each label, both 0 if it is missing."""
        known = missing_labels.known(target)
        label = torch.where(known, target, 0)
        weights = self.class_weights.to(output.dtype)
        losses = torch.where(known, self._losses(output, label, weights), 0.0)
        return losses, torch.where(known, weights[label], 0.0)

    def loss_group(self) -> Hashable | None:
        # It is not known what a custom loss, or a custom computation of it, depends on.
        is_own = type(self).loss is not Classification.loss or self.criterion is not None
        return None if is_own else (self.num_classes, self.label_smoothing)

    @staticmethod
    def joint_loss(
        tasks: Sequence[Classification], outputs: Sequence[Tensor], targets: Sequence[Tensor]
    ) -> Tensor:
        output, target = torch.stack(list(outputs)), torch.stack(list(targets))
        known = missing_labels.known(target)
        label = torch.where(known, target, 0).unsqueeze(2)
        weights = torch.stack([task.class_weights for task in tasks]).to(output.dtype).unsqueeze(1)
        # As in `cross_entropy`, which accepts only one set of weights.
        costs = -weights * output.log_softmax(2)
        smoothing = tasks[0].label_smoothing
        losses = (1 - smoothing) * costs.gather(2, label).squeeze(2) + smoothing * costs.mean(2)
        counts = weights.expand_as(costs).gather(2, label).squeeze(2)
        return torch.stack([torch.where(known, each, 0.0).sum(1) for each in (losses, counts)])

    def _losses(self, output: Tensor, label: Tensor, weights: Tensor) -> Tensor:
        if self.criterion is not None:
            losses = self.criterion(output, label)
            check_losses(self.criterion, losses, label.shape, "[batch]")
            return weights[label] * losses
        return cross_entropy(
            output, label, weights, reduction="none", label_smoothing=self.label_smoothing
        )

    def distance(self, output: Tensor, kept: Tensor, temperature: float) -> Tensor | None:
        """The Kullback-Leibler divergence at a temperature, times the temperature squared.

        The square preserves the size of gradients (Hinton et al., 2015, "Distilling the Knowledge
        in a Neural Network", 1503.02531, section 2).
        """
        if self.pool() is None:
            return None
        now, before = ((self.logits(each) / temperature).log_softmax(1) for each in (output, kept))
        # An output without maps becomes one map of one pixel.
        each = kl_div(now, before, reduction="none", log_target=True).sum(1, keepdim=True)
        return temperature**2 * each.flatten(1).mean(1)

    def missing_target(self, output: Tensor) -> Tensor:
        shape = len(output), *output.shape[2:]
        return output.new_full(shape, MISSING_CLASS, dtype=torch.int64)

    def logits(self, output: Tensor) -> Tensor:
        """The logits of the classes, whose softmax is the probabilities.

        Args:
            output: raw head outputs, see `Task.loss`.

        Returns:
            Shape ``[batch, num_classes, ...]``; the raw outputs themselves, unless a subclass
            defines them differently.
        """
        return output

    def raw_outputs(self, logits: Tensor) -> Tensor:
        """The raw head outputs for given logits, the inverse of `logits`.

        Args:
            logits: shape ``[batch, num_classes, ...]``.
        """
        return logits

    def predict(self, output: Tensor) -> Tensor:
        logits = self.logits(output.float())
        return (logits if self.temperature == 1 else logits / self.temperature).softmax(1)

    def uncertainty(self, output: Tensor) -> dict[str, Tensor]:
        """The entropy of the predicted probabilities, in nats, from 0 to ``log(num_classes)``."""
        # A subclass may predict something else, such as one probability for each of several labels.
        if type(self).predict is not Classification.predict:
            return {}
        probability = self.predict(output)
        # With the floor, 0 log 0 is 0.
        logs = probability.clamp_min(torch.finfo(probability.dtype).tiny).log()
        return {"entropy": -(probability * logs).sum(1)}

    def take_calibration(self, told: Mapping[str, Any] | None) -> None:
        self.temperature = told_temperature(told)

    def calibrated(self, output: Tensor) -> Tensor:
        if self.temperature == 1:
            return output
        return self.raw_outputs(self.logits(output.float()) / self.temperature)

    def fit_calibration(
        self, output: Tensor, target: Tensor, level: float
    ) -> dict[str, Any] | None:
        if type(self).predict is not Classification.predict:
            return None
        known = self.known(target)
        return {"temperature": fitted_temperature(self.logits(output[known]), target[known])}

    def trivial_output(self, output: Tensor) -> Tensor:
        # The floor keeps absent classes finite, but far less probable than any class in the data.
        # Multiplied by the temperature, which applies only to the network.
        logits = self.class_frequencies.clamp_min(1e-6).log() * self.temperature
        return self.raw_outputs(logits[None])[0].to(output.dtype).expand_as(output)

    def pool(self) -> ProbabilityPool | None:
        # The predictions of a subclass may not be the softmax.
        return ProbabilityPool(self) if type(self).predict is Classification.predict else None

    def metrics(self) -> MetricCollection:
        classes = self.num_classes
        return MetricCollection(
            {
                "accuracy": MulticlassAccuracy(classes, average="micro", validate_args=False),
                "balanced_accuracy": BalancedAccuracy(classes),
                "f1": MulticlassF1Score(classes, average="macro", validate_args=False),
                "auroc": HistogramAUROC(classes),
                "calibration_error": CalibrationError(),
                "nll": NegativeLogLikelihood(),
                "brier": BrierScore(),
            },
            compute_groups=False,
        )

    def columns(self, name: str, prediction: Tensor) -> dict[str, Column]:
        probability, label = prediction.max(1)
        names = distinct(self.classes)
        is_named = not self.has_numbers_as_names
        columns = {
            name: [self.classes[each] for each in label.tolist()] if is_named else label,
            f"{name}.probability": probability,
        }
        each = zip(names, prediction.unbind(1), strict=True)
        return columns | {f"{name}.probability.{kind}": values for kind, values in each}

    def column_names(self, name: str) -> list[str]:
        return [name, f"{name}.probability"]

    def side_by_side(self, prediction: Tensor, target: Tensor) -> dict[str, list[Cell]]:
        columns = super().side_by_side(prediction, target)
        return {**columns, "probability": prediction.amax(1).tolist()}

    def caption(self, value: Tensor) -> str:
        label = int(value.argmax() if value.ndim else value)
        return "?" if label == MISSING_CLASS else self.classes[label]

    def draw(self, axes: Axes, prediction: Tensor, target: Tensor) -> bool:
        known = self.known(target)
        cells = target[known] * self.num_classes + prediction[known].argmax(1)
        counts = torch.bincount(cells, minlength=self.num_classes**2).view(self.num_classes, -1)
        draw_confusion(axes, counts, self.classes)
        return True


def _cure(targets: Tensor) -> str:
    known = targets[missing_labels.known(targets)]
    if not targets.is_floating_point() or (known % 1 != 0).any():
        return "make it a Regression or change the data"
    return (
        "make it a Regression, list the column's classes if the data is a table "
        "(data.init_args.targets), or turn them into whole numbers from 0 "
        f"(torch.int64, {MISSING_CLASS} where missing)"
    )
