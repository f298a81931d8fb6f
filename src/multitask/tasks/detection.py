"""Several boxes in the image, each with a class."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid, max_pool2d
from torchmetrics import MetricCollection
from torchvision.ops import generalized_box_iou_loss

from multitask.encoders.forms import Form
from multitask.errors import InputError
from multitask.heads import CentreHead
from multitask.tasks.average_precision import AveragePrecision
from multitask.tasks.base import Column, Task
from multitask.tasks.box_lists import check_box_lists
from multitask.tasks.detection_pool import DetectionPool

if TYPE_CHECKING:
    from multitask.tasks.marks import Marks

CentreHeadCallable = Callable[[Form, int, int], nn.Module]
SPREAD = 0.54 / 6
"""Standard deviation of a box's Gaussian, as a share of its side (Liu et al., 2019, TTFNet)."""
LARGEST_LOG = 10.0
"""Logarithm of the largest side in pixels."""
TARGET_NUMBERS = 5
SHOWN = 0.3
"""Lowest score of the predictions that figures and captions show."""


class Detection(Task):
    """Find all boxes of some classes in the image, as CenterNet does.

    Targets have shape ``[batch, boxes, 5]``, float32: class, left, top, right and bottom in pixels
    to the right of and below the image's top left corner. Rows without a box have class -1 and
    zeros. An image with only such rows is known to have no box, and is used for training. An image
    with only NaN is unlabelled, and is ignored. `multitask.geometry.BoxLists` moves targets with
    their images.

    Raw outputs are a map ``[batch, classes + 4, height, width]``. For each class it holds the logit
    that a centre lies in the pixel, minus the logit of its frequency in the training boxes. The
    other four channels are the offset of the centre from the pixel's middle, in pixels of the map,
    and the logarithms of width and height, standardised by the training boxes.

    The loss of an image is the focal loss of its centres, with Gaussians around them (Zhou et al.,
    2019, "Objects as Points", 1904.07850, equation 1; Gaussians of Liu et al., 2019, 1909.00700,
    section 3.2), plus a loss for each box, read at its centre: ``l1`` times the sum of the
    distances of its four sides in units of the training boxes' mean side, and ``giou`` times 1
    minus the generalised intersection over union (Rezatofighi et al., 2019, 1902.09630). The mean
    divides by the number of labelled images plus the number of boxes, so that empty images count
    too.

    Predictions have shape ``[batch, most, 6]``: class, left, top, right, bottom and score, in
    pixels of the image as the model sees it, resized. The largest score comes first, and unused
    rows at the end have class -1 and zeros. Predictions are the pixels whose probability is the
    largest in their 3x3 neighbourhood, clipped to the image. In a table of predictions they are
    JSON lists with the names of the classes.

    Metrics: ``map``, the mean over classes and thresholds .5, .55, ... .95 of the average precision
    as defined by COCO, ``map_50`` and ``map_75``, see `AveragePrecision`.

    Args:
        classes: names of the classes, or their number.
        stride: pixels of the image on one side of a pixel of the map.
        most: maximum number of predicted boxes.
        least_score: lowest score of a prediction, from 0 to 1.
        l1: factor of the distances of sides, non-negative.
        giou: factor of the generalised intersection over union, non-negative.
        head: class that computes the map from the encoder's maps, called with their form, the
            number of channels and the stride.
        weight: see `Task`.
        headline: see `Task`.
        counts: see `Task`.
        teaches: see `Task`.

    Raises:
        InputError: if a setting is out of range.
    """

    headline = "map"
    frequencies: Tensor
    mean: Tensor
    deviation: Tensor
    side: Tensor

    def __init__(
        self,
        classes: int | Sequence[str],
        stride: int = 4,
        most: int = 100,
        least_score: float = 0.05,
        l1: float = 0.5,
        giou: float = 1.0,
        head: CentreHeadCallable = CentreHead,
        weight: float = 1.0,
        headline: str | None = None,
        counts: bool = True,
        teaches: float = 1.0,
    ) -> None:
        super().__init__(weight=weight, headline=headline, counts=counts, teaches=teaches)
        names = list(map(str, range(classes) if isinstance(classes, int) else classes))
        if not names:
            raise InputError(
                "classes is empty; name at least one class, or give the number of classes"
            )
        if twice := [each for each, count in Counter(names).items() if count > 1]:
            raise InputError(f"classes lists '{twice[0]}' more than once")
        for name, number in (("stride", stride), ("most", most)):
            if number < 1:
                raise InputError(f"{name} is {number}; give 1 or more")
        if not 0 <= least_score <= 1:
            raise InputError(f"least_score is {least_score}; give a number from 0 to 1")
        for name, factor in (("l1", l1), ("giou", giou)):
            if not 0 <= factor < math.inf:
                raise InputError(f"{name} is {factor}; a factor must be finite and 0 or more")
        if l1 == giou == 0:
            raise InputError("l1 and giou are both 0, so no side is learnt; set one above 0")
        self.classes, self.num_classes = names, len(names)
        self.stride, self.most, self.least_score = stride, most, least_score
        self.l1, self.giou = l1, giou
        self.take_head(head)
        self.register_buffer("frequencies", torch.ones(len(names)))
        self.register_buffer("mean", torch.full((2,), math.log(4 * stride)))
        self.register_buffer("deviation", torch.ones(2))
        self.register_buffer("side", torch.ones(()))

    @property
    def out_features(self) -> int:
        return self.num_classes + 4

    @property
    def class_names(self) -> list[str]:
        return list(self.classes)

    def build_head(self, form: Form) -> nn.Module:
        return self.head(form, self.out_features, self.stride)

    def check(self, name: str, targets: Tensor, split: str) -> None:
        check_box_lists(name, targets, split, self.classes)

    def learn_statistics(self, name: str, targets: Tensor) -> None:
        super().learn_statistics(name, targets)
        targets = targets[self.known(targets)].double()
        boxes = targets[targets[:, :, 0] >= 0]
        if not len(boxes):
            raise InputError(
                f"task '{name}': no training sample has a box, so there is nothing to learn; "
                "remove the task"
            )
        sizes = boxes[:, 3:] - boxes[:, 1:3]
        # Identical boxes are not scaled: dividing by zero would make the loss NaN.
        deviation = sizes.log().std(0, correction=0)
        self.deviation.copy_(torch.where(deviation > 1e-3, deviation, 1.0))
        self.mean.copy_(sizes.log().mean(0))
        self.side.copy_(sizes.mean())
        counts = torch.bincount(boxes[:, 0].long(), minlength=self.num_classes)
        self.frequencies.copy_(counts / len(targets))

    def loss(self, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        total, count = self.sample_loss(output, target)
        return total.sum(), count.sum()

    def sample_loss(self, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        known = self.known(target)
        boxes = target.float().masked_fill(~known.view(-1, 1, 1), -1)
        there = boxes[:, :, 0] >= 0
        # Rows without a box get a valid one, since their losses would be NaN.
        sides = torch.where(there.unsqueeze(2), boxes[:, :, 1:], boxes.new_tensor([0, 0, 1, 1.0]))
        kinds = boxes[:, :, 0].long().where(there, self.num_classes)
        logits = self.logits(output)
        places, near = self._near(logits, sides)
        centres = self._centre_loss(logits, places, near, kinds)
        found = self._boxes(output).flatten(2).transpose(1, 2)
        found = found.gather(1, places.unsqueeze(2).expand(-1, -1, 4))
        apart = (found - sides).abs().sum(2) / self.side
        overlap = generalized_box_iou_loss(found.flatten(0, 1), sides.flatten(0, 1))
        each = (self.l1 * apart + self.giou * overlap.view_as(apart)).where(there, 0.0)
        losses = (centres + each.sum(1)).where(known, 0.0)
        return losses.to(output.dtype), (known + there.sum(1)).to(output.dtype)

    def logits(self, output: Tensor) -> Tensor:
        """Logits of a centre in each pixel, ``[batch, classes, height, width]``, float32."""
        pixels = output.shape[2] * output.shape[3]
        prior = (self.frequencies / pixels).clamp(1e-6, 0.5).logit()
        return output[:, : self.num_classes].float() + prior.view(1, -1, 1, 1)

    def raw_centres(self, logits: Tensor) -> Tensor:
        """The raw outputs for which `logits` returns the given ones."""
        pixels = logits.shape[2] * logits.shape[3]
        prior = (self.frequencies / pixels).clamp(1e-6, 0.5).logit()
        return logits - prior.view(1, -1, 1, 1)

    def _near(self, logits: Tensor, sides: Tensor) -> tuple[Tensor, Tensor]:
        """Each box's pixel ``[batch, boxes]``, and its Gaussian ``[batch, boxes, h, w]``."""
        height, width = logits.shape[2:]
        low, high = sides.split(2, 2)
        middle = (low + high) / (2 * self.stride)
        most = middle.new_tensor([width - 1, height - 1])
        at = middle.floor().clamp(min=0).minimum(most)
        # At least a third of a pixel; below that, neighbouring pixels would count as entirely
        # wrong.
        spread = (SPREAD * (high - low) / self.stride).clamp(min=1 / 3)
        x, y = (
            (
                -0.5
                * (
                    (torch.arange(size, device=at.device) - at[:, :, axis, None])
                    / spread[:, :, axis, None]
                ).square()
            ).exp()
            for axis, size in enumerate((width, height))
        )
        column, row = at.long().unbind(2)
        return row * width + column, y.unsqueeze(3) * x.unsqueeze(2)

    def _centre_loss(self, logits: Tensor, places: Tensor, near: Tensor, kinds: Tensor) -> Tensor:
        """The focal loss of each sample's centres, ``[batch]``."""
        shape = (len(logits), self.num_classes + 1, *logits.shape[2:])
        index = kinds[:, :, None, None].expand_as(near)
        # Rows without a box go to an extra class after the last.
        heat = near.new_zeros(shape).scatter_reduce_(1, index, near, "amax")[:, :-1]
        wrong = -((1 - heat) ** 4) * logits.sigmoid().square() * logsigmoid(-logits)
        is_right = heat >= 1
        right = -((-logits).sigmoid().square()) * logsigmoid(logits)
        return torch.where(is_right, right, wrong).flatten(1).sum(1)

    def _boxes(self, output: Tensor) -> Tensor:
        """The corners that each pixel predicts, in image pixels, ``[batch, 4, height, width]``."""
        values = output[:, self.num_classes :].float()
        height, width = values.shape[2:]
        x = torch.arange(width, device=values.device) + 0.5
        y = torch.arange(height, device=values.device) + 0.5
        middle = torch.stack([x.expand(height, -1), y.unsqueeze(1).expand(-1, width)])
        centre = self.stride * (middle + values[:, :2])
        log = values[:, 2:] * self.deviation.view(-1, 1, 1) + self.mean.view(-1, 1, 1)
        half = log.clamp(max=LARGEST_LOG).exp() / 2
        return torch.cat([centre - half, centre + half], 1)

    def predict(self, output: Tensor) -> Tensor:
        """Boxes in pixels of the image, ``[batch, most, 6]``, see `Detection`."""
        likely = self.logits(output).sigmoid()
        peaks = likely.where(likely == max_pool2d(likely, 3, 1, 1), 0.0)
        height, width = likely.shape[2:]
        number = min(self.most, self.num_classes * height * width)
        score, place = peaks.flatten(1).topk(number)
        kind, pixel = place // (height * width), place % (height * width)
        boxes = self._boxes(output).flatten(2).transpose(1, 2)
        boxes = boxes.gather(1, pixel.unsqueeze(2).expand(-1, -1, 4))
        size = boxes.new_tensor([width, height, width, height]) * self.stride
        boxes = torch.minimum(boxes.clamp(min=0), size)
        found = torch.cat([kind.unsqueeze(2).float(), boxes, score.unsqueeze(2)], 2)
        is_there = (score > 0) & (score >= self.least_score)
        nothing = found.new_tensor([-1.0, 0, 0, 0, 0, 0])
        found = torch.where(is_there.unsqueeze(2), found, nothing)
        if number == self.most:
            return found
        # Not len(), which would fix the batch size of an exported graph.
        return torch.cat([found, nothing.expand(found.shape[0], self.most - number, 6)], 1)

    def explained_output(self, output: Tensor) -> Tensor:
        """The largest logit of a centre for each class, ``[batch, classes]``."""
        return self.logits(output).flatten(2).amax(2)

    def trivial_output(self, output: Tensor) -> Tensor:
        return torch.zeros_like(output)

    def missing_target(self, output: Tensor) -> Tensor:
        return torch.full((len(output), 1, 5), torch.nan, device=output.device)

    def distance(self, output: Tensor, kept: Tensor, temperature: float) -> Tensor | None:
        """The divergence of the centres, plus squared box errors weighted by the older centres."""
        if self.pool() is None:
            return None
        logits, before = self.logits(output), self.logits(kept)
        likely = before.sigmoid()
        apart = likely * (logsigmoid(before) - logsigmoid(logits))
        apart = apart + (1 - likely) * (logsigmoid(-before) - logsigmoid(-logits))
        squares = (output - kept)[:, self.num_classes :].float().square().mean(1)
        boxes = (likely.amax(1) * squares).flatten(1).sum(1)
        return (apart.flatten(1).sum(1) + boxes).clamp_min(0)

    def pool(self) -> DetectionPool | None:
        # The raw outputs of a subclass's own predictions are not known.
        return DetectionPool(self) if type(self).predict is Detection.predict else None

    def metrics(self) -> MetricCollection:
        found = {
            "map": AveragePrecision(self.num_classes),
            "map_50": AveragePrecision(self.num_classes, (0.5,)),
            "map_75": AveragePrecision(self.num_classes, (0.75,)),
        }
        # All use the same matches.
        return MetricCollection(found, compute_groups=[list(found)])  # type: ignore[arg-type]

    def columns(self, name: str, prediction: Tensor) -> dict[str, Column]:
        """One column of JSON: lists of class, left, top, right, bottom and score."""
        return {name: [self._json(each) for each in prediction]}

    def column_names(self, name: str) -> list[str]:
        return [name]

    def caption(self, value: Tensor) -> str:
        shown = Counter(self.classes[int(row[0])] for row in self._shown(value))
        words = (each if count == 1 else f"{count} {each}" for each, count in shown.items())
        return ", ".join(words) or "none"

    def mark(self, marks: Marks, target: Any, prediction: Any) -> bool:
        for rows, is_target in ((target, True), (prediction, False)):
            for row in self._shown(rows) if rows is not None else ():
                marks.box(row[1:5], is_target)
        return True

    def _rows(self, value: Tensor) -> Tensor:
        """The rows of one sample that hold a box; none if it is unlabelled."""
        return value[value[:, 0] >= 0]

    def _shown(self, value: Tensor) -> list[Tensor]:
        """Predictions with a sufficient score, only the most likely class at each pixel."""
        rows = list(self._rows(value))
        if value.shape[1] == TARGET_NUMBERS:
            return rows
        first: dict[tuple[float, ...], Tensor] = {}
        for row in rows:
            if float(row[5]) >= SHOWN:
                first.setdefault(tuple(row[1:5].tolist()), row)
        return list(first.values())

    def _json(self, value: Tensor) -> str:
        if value.isnan().all():
            return ""
        rows = [
            [self.classes[int(row[0])], *(round(each, 4) for each in row[1:].tolist())]
            for row in self._rows(value).cpu()
        ]
        return json.dumps(rows, ensure_ascii=False)
