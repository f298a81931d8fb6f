"""Several labels at once, each of which is true or false."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, kl_div, logsigmoid
from torchmetrics import MetricCollection

from multitask.errors import InputError
from multitask.missing_labels import MISSING_CLASS, known
from multitask.tasks.base import Column, HeadCallable, Task
from multitask.tasks.calibration import told_temperature
from multitask.tasks.label_figure import draw_labels
from multitask.tasks.label_metrics import (
    THRESHOLD,
    ExactMatch,
    LabelAUROC,
    LabelAveragePrecision,
    LabelF1,
)
from multitask.tasks.label_pool import LabelPool
from multitask.tasks.label_weights import PositiveWeights, balanced_factors, positive_factors
from multitask.tasks.temperature import fitted_temperature

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RAREST = 1e-6
"""Lowest frequency of a label, so that no logarithm is infinite."""


class MultiLabel(Task):
    """Predict for each of several labels whether it is true; any number of them may be.

    Targets have shape ``[batch, labels]``, dtype int64: 1 if a label is true, 0 if it is false,
    -100 if it is not known; single labels may be missing. The loss is the binary cross entropy,
    averaged over the known labels of the global batch. Predictions are probabilities, ``[batch,
    labels]``, float32.

    Metrics: ``average_precision`` (mAP) and ``auroc``, which do not depend on a threshold, and
    ``f1``, all averaged over the labels (macro); ``exact_match``, the share of samples whose known
    labels are all correct. For ``f1``, ``exact_match`` and captions of pictures, a label counts as
    predicted if its probability is at least 0.5. A label whose known values in the split are all
    false, or all true, is excluded from the means.

    Args:
        labels: distinct names of the labels, in the order of the targets; at least one.
        positive_weights: factor on the loss of each label that is 1, as ``pos_weight`` in
            ``torch.nn.BCEWithLogitsLoss``: finite, 0 or more; or ``balanced``: the number of
            training samples without the label divided by the number with it.
        head: see `Task`.
        weight: see `Task`.
        headline: see `Task`.
        counts: see `Task`.
        teaches: see `Task`.
    """

    headline = "average_precision"
    frequencies: Tensor
    positive_weights: Tensor
    temperature: float = 1.0
    """Divisor of the raw outputs of all labels, fitted after training."""

    def __init__(
        self,
        labels: Sequence[str],
        positive_weights: PositiveWeights = None,
        head: HeadCallable = nn.Linear,
        weight: float = 1.0,
        headline: str | None = None,
        counts: bool = True,
        teaches: float = 1.0,
    ) -> None:
        super().__init__(head, weight, headline, counts, teaches)
        self.elements = list(map(str, labels))
        _check_labels(self.elements)
        self.is_balanced = positive_weights == "balanced"
        self.register_buffer(
            "positive_weights", positive_factors(len(self.elements), positive_weights)
        )
        self.register_buffer("frequencies", torch.full((len(labels),), 0.5))

    @property
    def labels(self) -> list[str]:
        """The names of the labels."""
        return self.elements

    @property
    def own_elements(self) -> list[str]:
        """The `labels`, which take precedence over names from the data."""
        return self.elements

    @property
    def size(self) -> int:
        """Number of labels."""
        return len(self.elements)

    @property
    def out_features(self) -> int:
        return self.size

    def check(self, name: str, targets: Tensor, split: str) -> None:
        told = f"task '{name}': its {split} targets"
        right = "a multi-label task needs 0 or 1 (int64) for each label, or -100 if it is missing"
        if targets.dtype != torch.int64:
            raise InputError(
                f"{told} are {targets.dtype}; {right}: change the data, or if it is a table, "
                "list the target's labels (data.init_args.targets)"
            )
        if targets.ndim != 2:
            raise InputError(
                f"{told} have shape {tuple(targets.shape)}; {right}, shape [samples, labels]"
            )
        if targets.shape[1] != self.size:
            raise InputError(
                f"{told} have {targets.shape[1]} labels, but the task has {self.size}; "
                "list the same in both"
            )
        values = targets[known(targets)]
        if (odd := values[(values != 0) & (values != 1)]).numel():
            raise InputError(f"{told} include {int(odd[0])}; {right}")

    def learn_statistics(self, name: str, targets: Tensor) -> None:
        super().learn_statistics(name, targets)
        positive, negative = ((targets == value).sum(0).float() for value in (1, 0))
        # It stays 0.5 for a label without known targets.
        found = positive / (positive + negative)
        self.frequencies.copy_(found.nan_to_num(0.5))
        if self.is_balanced:
            self.positive_weights.copy_(balanced_factors(positive, negative))

    def loss(self, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        losses, is_known = self._each(output, target)
        return losses.sum(), is_known.sum().to(output.dtype)

    def sample_loss(self, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        # The per-sample values of a subclass's own loss are not known.
        if type(self).loss is not MultiLabel.loss:
            return super().sample_loss(output, target)
        losses, is_known = self._each(output, target)
        return losses.sum(1), is_known.sum(1).to(output.dtype)

    def _each(self, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """The loss of each label, 0 if it is missing, and which are known."""
        is_known = known(target)
        losses = binary_cross_entropy_with_logits(
            output,
            torch.where(is_known, target, 0).to(output.dtype),
            pos_weight=self.positive_weights.to(output.dtype),
            reduction="none",
        )
        return torch.where(is_known, losses, 0.0), is_known

    def distance(self, output: Tensor, kept: Tensor, temperature: float) -> Tensor | None:
        """The Kullback-Leibler divergence of each label, averaged over the labels."""
        if self.pool() is None:
            return None
        now, before = (_logs(each / temperature) for each in (output, kept))
        each = kl_div(now, before, reduction="none", log_target=True).sum(0)
        return temperature**2 * each.mean(1)

    def missing_target(self, output: Tensor) -> Tensor:
        return torch.full_like(output, MISSING_CLASS, dtype=torch.int64)

    def predict(self, output: Tensor) -> Tensor:
        logits = output.float()
        return (logits if self.temperature == 1 else logits / self.temperature).sigmoid()

    def uncertainty(self, output: Tensor) -> dict[str, Tensor]:
        """The sum of the labels' entropies, in nats, from 0 to ``labels * log(2)``."""
        # The meaning of a subclass's own predictions is not known.
        if type(self).predict is not MultiLabel.predict:
            return {}
        logs = _logs(output.float() / self.temperature)
        return {"entropy": torch.special.entr(logs.exp()).sum((0, 2))}

    def calibrated(self, output: Tensor) -> Tensor:
        return output if self.temperature == 1 else output.float() / self.temperature

    def take_calibration(self, told: Mapping[str, Any] | None) -> None:
        self.temperature = told_temperature(told)

    def fit_calibration(
        self, output: Tensor, target: Tensor, level: float
    ) -> dict[str, Any] | None:
        if type(self).predict is not MultiLabel.predict:
            return None
        # A logit is the difference between the logits of two classes.
        answers = torch.stack([torch.zeros_like(output), output], 2)
        is_known = known(target)
        return {"temperature": fitted_temperature(answers[is_known], target[is_known])}

    def answers(self, prediction: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Convert the known labels to samples of two classes, no and yes.

        Args:
            prediction: see `predict`.
            target: targets, missing ones included.

        Returns:
            Probabilities ``[known, 2]`` and classes ``[known]``, int64.
        """
        is_known = known(target)
        yes = prediction[is_known]
        return torch.stack([1 - yes, yes], 1), target[is_known]

    def trivial_output(self, output: Tensor) -> Tensor:
        # Multiplied by the temperature, which applies only to the network.
        logits = self.frequencies.clamp(RAREST, 1 - RAREST).logit() * self.temperature
        return logits.to(output.dtype).expand_as(output)

    def pool(self) -> LabelPool | None:
        # The predictions of a subclass may not be the sigmoid.
        return LabelPool() if type(self).predict is MultiLabel.predict else None

    def metrics(self) -> MetricCollection:
        return MetricCollection(
            {
                "average_precision": LabelAveragePrecision(self.size),
                "f1": LabelF1(self.size),
                "auroc": LabelAUROC(self.size),
                "exact_match": ExactMatch(),
            },
            # Both use the same histogram.
            compute_groups=[["average_precision", "auroc"], ["f1"], ["exact_match"]],
        )

    def columns(self, name: str, prediction: Tensor) -> dict[str, Column]:
        each = zip(self.elements, prediction.unbind(1), strict=True)
        return {f"{name}.{label}": values for label, values in each}

    def target_columns(self, name: str, target: Tensor) -> dict[str, Column]:
        """The true value of each label, as ``name.label.target``: 1 or 0, NaN where missing."""
        each = target.float().where(known(target), math.nan).unbind(1)
        return {
            f"{name}.{label}.target": values
            for label, values in zip(self.elements, each, strict=True)
        }

    def caption(self, value: Tensor) -> str:
        """The true labels, as in ``cat, wild``; or ``none``; with ``?`` if some are missing."""
        holds = value == 1 if not value.is_floating_point() else value >= THRESHOLD
        named = [label for label, is_so in zip(self.elements, holds.tolist(), strict=True) if is_so]
        if not known(value).all():
            named.append("?")
        return ", ".join(named) or "none"

    def draw(self, axes: Axes, prediction: Tensor, target: Tensor) -> bool:
        draw_labels(axes, prediction, target, self.elements)
        return True


def _logs(output: Tensor) -> Tensor:
    """Log-probabilities of no and yes, shape ``[2, batch, labels]``."""
    return torch.stack([logsigmoid(-output), logsigmoid(output)])


def _check_labels(labels: Sequence[str]) -> None:
    if not labels:
        raise InputError("labels is empty; list the labels' names")
    if not all(labels):
        raise InputError("labels has an empty name; name each label")
    if twice := [each for each in labels if labels.count(each) > 1]:
        raise InputError(f"labels lists '{twice[0]}' more than once")
