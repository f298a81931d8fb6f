"""The average precision of detected boxes, as defined by COCO."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat
from torchvision.ops import box_iou

THRESHOLDS = tuple(each / 100 for each in range(50, 100, 5))
RECALLS = 101


class AveragePrecision(Metric):
    """COCO's average precision of boxes, averaged over classes and thresholds.

    A prediction is correct if it is matched with a box of its class. Predictions are matched in the
    order of their scores: each takes the remaining box that it overlaps most, if their intersection
    over union is at least the threshold. Average precision is the mean of the best precision at
    recalls of at least 0, 0.01, ... 1 (Lin et al., 2014, 1405.0312, and pycocotools; at most 100
    predictions an image). Classes without a box in the split are ignored. NaN without a box.

    Boxes are matched batch by batch, and three numbers are kept for each prediction. If scores are
    equal, wrong predictions come first, so the result does not depend on the order of samples.

    Args:
        num_classes: number of classes.
        thresholds: the thresholds to average over, from 0.5, 0.55, ... 0.95; default: all.
    """

    is_differentiable = False
    higher_is_better = True
    full_state_update = False
    trivial = 0.0
    """The value that a predictor reaches without seeing the input."""
    scores: Any
    kinds: Any
    matches: Any
    boxes: Tensor

    def __init__(self, num_classes: int, thresholds: Sequence[float] = THRESHOLDS) -> None:
        super().__init__()
        self.places = [THRESHOLDS.index(each) for each in thresholds]
        for name in ("scores", "kinds", "matches"):
            self.add_state(name, default=[], dist_reduce_fx="cat")
        boxes = torch.zeros(num_classes, dtype=torch.int64)
        self.add_state("boxes", default=boxes, dist_reduce_fx="sum")

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Update with labelled samples.

        Args:
            preds: class (-1 if there is none), left, top, right, bottom and score, the largest
                score first, shape ``[batch, predictions, 6]``.
            target: class (-1 if there is none), left, top, right and bottom, shape ``[batch, boxes,
                5]``.
        """
        there = preds[:, :, 0] >= 0
        # One bit for each threshold.
        bits = 2 ** torch.arange(len(THRESHOLDS), device=preds.device)
        codes = (_matched(preds, target) * bits).sum(2)
        # One dtype for all, so that a process without samples can join them.
        self.scores.append(preds[:, :, 5][there].detach().float())
        self.kinds.append(preds[:, :, 0][there].float())
        self.matches.append(codes[there].float())
        kinds = target[:, :, 0].flatten().long()
        self.boxes += torch.bincount(kinds[kinds >= 0], minlength=len(self.boxes))

    def compute(self) -> Tensor:
        """The mean, a scalar."""
        classes = self.boxes.nonzero().flatten().tolist()
        if not classes:
            return torch.tensor(torch.nan, device=self.device)
        if not len(self.scores):
            return torch.zeros((), device=self.device)
        parts = (dim_zero_cat(each) for each in (self.scores, self.kinds, self.matches))
        scores, kinds, codes = parts
        codes = codes.long()
        order = codes.argsort(stable=True)
        order = order[scores[order].argsort(descending=True, stable=True)]
        kinds, codes = kinds[order], codes[order]
        found = [_averages(codes[kinds == each], self.boxes[each]) for each in classes]
        return torch.stack(found)[:, self.places].mean().float()


def _matched(preds: Tensor, target: Tensor) -> Tensor:
    """Whether each prediction is matched, shape ``[batch, predictions, thresholds]``, bool."""
    pairs = zip(preds[:, :, 1:5].double(), target[:, :, 1:5].double(), strict=True)
    overlaps = [box_iou(*pair) for pair in pairs]
    if not overlaps:
        return torch.zeros(*preds.shape[:2], len(THRESHOLDS), dtype=torch.bool)
    same = (preds[:, :, None, 0] == target[:, None, :, 0]) & (target[:, None, :, 0] >= 0)
    overlap = torch.stack(overlaps).where(same, -1.0)
    least = overlap.new_tensor(THRESHOLDS).view(1, -1, 1)
    left = torch.ones(len(preds), len(THRESHOLDS), target.shape[1], device=preds.device)
    found = []
    for each in overlap.unbind(1):
        # Vectorised over thresholds and samples; only predictions are matched one by one.
        usable = (left > 0) & (each.unsqueeze(1) >= least)
        best = each.unsqueeze(1).where(usable, -1.0).max(2, keepdim=True)
        found.append(best.values.squeeze(2) >= 0)
        left = left.scatter(2, best.indices, left.gather(2, best.indices) * (best.values < 0))
    return torch.stack(found, 1)


def _averages(codes: Tensor, boxes: Tensor) -> Tensor:
    """The average precision of one class, by threshold, ``[thresholds]``.

    Args:
        codes: the thresholds at which each prediction is correct, the largest score first.
        boxes: number of boxes.
    """
    places = torch.arange(len(THRESHOLDS), device=codes.device).unsqueeze(1)
    right = ((codes >> places) & 1).double().cumsum(1)
    ranks = torch.arange(1, len(codes) + 1, device=codes.device, dtype=torch.float64)
    recall = right / boxes
    # The best precision at this recall or a larger one; 0 beyond the largest.
    precision = (right / ranks).flip(1).cummax(1).values.flip(1)
    precision = (
        torch.cat([precision, torch.zeros_like(precision[:, :1])], 1)
        if len(codes)
        else (torch.zeros(len(THRESHOLDS), 1, dtype=torch.float64, device=codes.device))
    )
    asked = torch.linspace(0, 1, RECALLS, dtype=torch.float64, device=codes.device)
    at = torch.searchsorted(recall, asked.expand(len(THRESHOLDS), -1).contiguous())
    return precision.gather(1, at).mean(1)
