"""One box around something in the image."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torchmetrics import MetricCollection
from torchvision.ops import generalized_box_iou_loss

from multitask import missing_labels
from multitask.errors import InputError, SampleError
from multitask.tasks.base import HeadCallable, Task
from multitask.tasks.box_metrics import BoxAccuracy, BoxIoU
from multitask.tasks.pooling import PredictionPool
from multitask.tasks.regression import Regression

if TYPE_CHECKING:
    from multitask.tasks.marks import Marks

SIDES = ("left", "top", "right", "bottom")
LARGEST_LOG = 10.0
"""Logarithm of a width or height in pixels above which it grows linearly with the raw output."""


class Box(Regression):
    """Predict one box around an object: its left, top, right and bottom.

    Targets have shape ``[batch, 4]``, floating, in pixels to the right of and below the image's top
    left corner, NaN where missing; a box with a missing side counts as missing. Predictions have
    the same form. `multitask.geometry.Boxes` moves them with their images.

    Raw outputs are the centre and the logarithms of the width and height, standardised by the
    training boxes, so any output is a box. The loss is ``l1`` times the sum of the distances of the
    four sides, in units of the training boxes' mean side, plus ``giou`` times 1 minus the
    generalised intersection over union (Rezatofighi et al., 2019, 1902.09630). The default factors
    are those of DETR (Carion et al., 2020, 2005.12872, appendix A.4).

    Metrics: ``iou``, the mean intersection over union; ``accuracy_50`` and ``accuracy_75``, the
    shares of boxes whose intersection over union is at least 0.5 and 0.75.

    A box has no class: add a `Classification` to predict what it contains.

    Args:
        l1: factor of the distances, non-negative.
        giou: factor of the generalised intersection over union, non-negative.
        head: see `Task`.
        weight: see `Task`.
        headline: see `Task`.
        counts: see `Task`.
        teaches: see `Task`.

    Raises:
        InputError: if a factor is negative or not finite, or both are 0.
    """

    headline = "iou"
    own_elements = SIDES
    side: Tensor

    def __init__(
        self,
        l1: float = 5.0,
        giou: float = 2.0,
        head: HeadCallable = nn.Linear,
        weight: float = 1.0,
        headline: str | None = None,
        counts: bool = True,
        teaches: float = 1.0,
    ) -> None:
        super().__init__(4, "px", "none", None, head, weight, headline, counts, teaches)
        for name, factor in (("l1", l1), ("giou", giou)):
            if not 0 <= factor < math.inf:
                raise InputError(f"{name} is {factor}; a factor must be finite and 0 or more")
        if l1 == giou == 0:
            raise InputError("l1 and giou are both 0, so nothing is learnt; set one above 0")
        self.l1, self.giou = l1, giou
        self.register_buffer("side", torch.ones(()))

    def check(self, name: str, targets: Tensor, split: str) -> None:
        if not targets.is_floating_point() or targets[0].numel() != 4:
            raise InputError(
                f"task '{name}': its {split} targets are {targets.dtype} of shape "
                f"{list(targets.shape)}; a box needs floating-point numbers of shape [samples, 4]: "
                "left, top, right and bottom in pixels, NaN where missing"
            )
        boxes = targets.reshape(-1, 4)
        if boxes.isinf().any():
            row = int(boxes.isinf().any(1).nonzero()[0])
            raise SampleError(
                name,
                row,
                f"task '{name}': the target of {split} sample {row} is infinite; give pixels, or "
                "NaN if one is missing",
            )
        # A comparison with a missing side is False.
        if (wrong := (boxes[:, 2:] <= boxes[:, :2]).any(1)).any():
            row = int(wrong.nonzero()[0])
            told = ", ".join(
                f"{side} {each:g}" for side, each in zip(SIDES, boxes[row].tolist(), strict=True)
            )
            raise SampleError(
                name,
                row,
                f"task '{name}': the target of {split} sample {row} is not a box: {told}; its "
                "right must be greater than its left, and its bottom than its top (of columns of a "
                "table, set the target's box to xywh or cxcywh if they are not corners)",
            )

    def known(self, target: Tensor) -> Tensor:
        return missing_labels.known(target.reshape(-1, 4)).all(1)

    def learn_statistics(self, name: str, targets: Tensor) -> None:
        Task.learn_statistics(self, name, targets)
        boxes = targets.reshape(-1, 4)[self.known(targets)].double()
        sizes = boxes[:, 2:] - boxes[:, :2]
        raw = torch.cat([(boxes[:, :2] + boxes[:, 2:]) / 2, sizes.log()], 1)
        deviation = raw.std(0, correction=0)
        self.side.copy_(sizes.mean())
        self.mean.copy_(raw.mean(0))
        self.trivial.copy_(self.mean)
        # Identical boxes are not scaled: dividing by zero would make the loss NaN.
        self.deviation.copy_(torch.where(deviation > 1e-6, deviation, 1.0))

    def _each(self, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """The loss of each box, 0 if it is missing, and which are known; both ``[batch, 1]``."""
        target, found = self._rows(target).float(), self.predict(output)
        known = self.known(target)
        # Not NaN, which would spread to the gradients of other samples.
        goal = torch.where(known.unsqueeze(1), target, self.predict(torch.zeros_like(output[:1])))
        sides = (found - goal).abs().sum(1) / self.side
        losses = self.l1 * sides + self.giou * generalized_box_iou_loss(found, goal)
        each = torch.where(known, losses, 0.0).to(output.dtype)
        return each.unsqueeze(1), known.unsqueeze(1)

    def loss_group(self) -> None:
        return None

    def predict(self, output: Tensor) -> Tensor:
        """Corners in pixels, ``[batch, 4]``; right is greater than left, and bottom than top."""
        centre, log = (output.float() * self.deviation + self.mean).split(2, 1)
        half = _size(log) / 2
        return torch.cat([centre - half, centre + half], 1)

    def raw(self, boxes: Tensor) -> Tensor:
        """The raw outputs for which `predict` returns the given boxes.

        Args:
            boxes: corners in pixels, shape ``[batch, 4]``.
        """
        low, high = boxes.split(2, 1)
        found = torch.cat([(low + high) / 2, _log(high - low)], 1)
        return (found - self.mean) / self.deviation

    def explained_output(self, output: Tensor) -> Tensor:
        """The distance of each side from the trivial box's, in units of the mean side."""
        return (self.predict(output) - self.predict(torch.zeros_like(output[:1]))) / self.side

    def pool(self) -> BoxPool | None:
        # The raw outputs of a subclass's own predictions are not known.
        return BoxPool(self) if type(self).predict is Box.predict else None

    def metrics(self) -> MetricCollection:
        return MetricCollection(
            {
                "iou": BoxIoU(),
                "accuracy_50": BoxAccuracy(0.5),
                "accuracy_75": BoxAccuracy(0.75),
                **self.interval_metrics(),
            },
            compute_groups=False,
        )

    def count_in(self, metrics: MetricCollection, prediction: Tensor, target: Tensor) -> None:
        known = self.known(target)
        for name in ("iou", "accuracy_50", "accuracy_75"):
            # An evaluation may keep only the headline.
            if name in metrics:
                metrics[name].update(prediction[known], self._rows(target)[known].float())

    def mark(self, marks: Marks, target: Any, prediction: Any) -> bool:
        marks.box(target, is_target=True)
        if prediction is not None:
            marks.box(prediction, is_target=False)
        return True

    def _rows(self, target: Tensor) -> Tensor:
        rows = target.reshape(-1, 4)
        return rows.masked_fill(~self.known(rows).unsqueeze(1), torch.nan)


class BoxPool(PredictionPool):
    """Pools boxes: each side is the mean of the members' sides; ``deviation`` is that of the sides.

    Args:
        task: the ensemble's task.
    """

    def disagreement(self) -> dict[str, Tensor]:
        # Values are in pixels already, not standardised.
        variance = self.variance()
        if (spread := self.task.spread) is not None:
            variance = variance + spread.to(variance.dtype).square()
        return {"deviation": variance.sqrt()}


def _size(log: Tensor) -> Tensor:
    # Exponential up to a size that no image has, then linear, so that it never overflows.
    return log.clamp(max=LARGEST_LOG).exp() * (1 + (log - LARGEST_LOG).clamp_min(0))


def _log(size: Tensor) -> Tensor:
    largest = math.exp(LARGEST_LOG)
    return size.clamp(max=largest).log() + (size / largest - 1).clamp_min(0)
