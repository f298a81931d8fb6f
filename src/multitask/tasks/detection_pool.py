"""Pooling the boxes of an ensemble's members into one output."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from multitask.tasks.pooling import Pool

if TYPE_CHECKING:
    from multitask.tasks.detection import Detection


class DetectionPool(Pool):
    """Pools maps of centres: means of probabilities, of offsets and of log sizes.

    Args:
        task: the ensemble's task.
    """

    def __init__(self, task: Detection) -> None:
        self.task, self.count = task, 0
        self._right: Tensor | None = None
        self._wrong: Tensor | None = None
        self._boxes: Tensor | None = None

    def add(self, member: Detection, output: Tensor) -> None:
        logits, values = member.logits(output), output[:, member.num_classes :].float()
        # Each member is standardised by its own training boxes.
        log = values[:, 2:] * member.deviation.view(-1, 1, 1) + member.mean.view(-1, 1, 1)
        log = (log - self.task.mean.view(-1, 1, 1)) / self.task.deviation.view(-1, 1, 1)
        boxes = torch.cat([values[:, :2], log], 1)
        right, wrong = logsigmoid(logits), logsigmoid(-logits)
        self._right = right if self._right is None else torch.logaddexp(self._right, right)
        self._wrong = wrong if self._wrong is None else torch.logaddexp(self._wrong, wrong)
        self._boxes = boxes if self._boxes is None else self._boxes + boxes
        self.count += 1

    def output(self) -> Tensor:
        assert self._right is not None
        assert self._wrong is not None
        assert self._boxes is not None
        # The numbers of members cancel in the logit.
        centres = self.task.raw_centres(self._right - self._wrong)
        return torch.cat([centres, self._boxes / self.count], 1)
