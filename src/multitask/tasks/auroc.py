"""The area under the ROC curve, counted by histograms."""

from __future__ import annotations

import torch
from torch import Tensor
from torchmetrics.classification import MulticlassAUROC


class HistogramAUROC(MulticlassAUROC):
    """torchmetrics' binned one-against-rest AUROC with an update that is a hundred times faster.

    The state and the result are the same; torchmetrics compares every score with every threshold,
    this finds each score's place among the thresholds once.

    Args:
        num_classes: number of classes.
        thresholds: number of evenly spaced thresholds.
    """

    confmat: Tensor
    thresholds: Tensor  # type: ignore[assignment]

    def __init__(self, num_classes: int, thresholds: int = 101) -> None:
        super().__init__(num_classes, thresholds=thresholds, validate_args=False)
        self.num_classes: int = num_classes

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Count in probabilities ``[batch, classes]`` and classes ``[batch]``, int64."""
        places = len(self.thresholds) + 1
        # How many thresholds a score reaches: it counts as positive at exactly those.
        reached = torch.bucketize(preds, self.thresholds, right=True)
        cells = reached + places * torch.arange(self.num_classes, device=preds.device)
        everyone = self._histogram(cells.flatten(), places)
        positive = self._histogram(cells.gather(1, target[:, None]).flatten(), places)
        for truth, histogram in ((0, everyone - positive), (1, positive)):
            at_least = histogram.flip(1).cumsum(1).flip(1)[:, 1:].T
            self.confmat[:, :, truth, 1] += at_least
            self.confmat[:, :, truth, 0] += histogram.sum(1) - at_least

    def _histogram(self, cells: Tensor, places: int) -> Tensor:
        counts = torch.bincount(cells, minlength=self.num_classes * places)
        return counts.view(self.num_classes, places)
