"""Metrics of several labels at once, as sums that add up over batches and processes."""

from __future__ import annotations

import torch
from torch import Tensor
from torchmetrics import Metric

from multitask.missing_labels import known
from multitask.tasks.auroc import area, logit_bins

THRESHOLD = 0.5
"""Minimum probability of a predicted label."""
FINE = 1.0
"""Logits within which bins are about equally wide; bins of rare labels are narrow too."""
Entries = tuple[Tensor, Tensor]
"""Indices in a flat state to increment, and the sample of each; both ``[entries]``, int64."""


class LabelMetric(Metric):
    """A metric whose only state is a count of known labels, by label and by prediction.

    A label without a positive or without a negative sample is excluded from the mean over the
    labels; the metric is NaN if none remains.

    Args:
        num_labels: number of labels, at least 1.
        shape: further axes of the state, after that of the true value and that of the labels.
    """

    higher_is_better = True
    is_differentiable = False
    full_state_update = False
    counts: Tensor

    def __init__(self, num_labels: int, *shape: int) -> None:
        super().__init__()
        self.num_labels = num_labels
        # For false labels, and for true ones.
        zeros = torch.zeros(2, num_labels, *shape, dtype=torch.int64)
        self.add_state("counts", default=zeros, dist_reduce_fx="sum")

    def bins(self, preds: Tensor) -> Tensor:
        """Index of each probability in the last axis of the state, same shape, int64."""
        raise NotImplementedError

    def entries(self, preds: Tensor, target: Tensor) -> Entries:
        """Where known labels are counted; see `update`."""
        labels = torch.arange(self.num_labels, device=preds.device)
        places = (target * self.num_labels + labels) * self.counts.shape[2] + self.bins(preds)
        is_known = known(target)
        return places[is_known], is_known.nonzero()[:, 0]

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Update with probabilities and int64 labels, both ``[batch, labels]``, -100 if missing."""
        places, _ = self.entries(preds, target)
        self.counts += torch.bincount(places, minlength=self.counts.numel()).view_as(self.counts)

    def both(self) -> Tensor:
        """Which labels have both a positive and a negative sample, ``[labels]``, bool."""
        return (self.counts.sum(2) > 0).all(0)


class _Histogram(LabelMetric):
    """Counts probabilities in bins; those within a bin are ties.

    Bins are defined on the logit, narrow around the probability 0.5 and wider with the distance, so
    they also resolve the small probabilities of a rare label.

    Args:
        num_labels: see `LabelMetric`.
        bins: number of bins on either side of the middle one.
    """

    def __init__(self, num_labels: int, bins: int = 1000) -> None:
        super().__init__(num_labels, 2 * bins + 1)
        self.each_side = bins

    def bins(self, preds: Tensor) -> Tensor:
        return logit_bins(preds, 0.0, self.each_side, FINE)


class LabelAUROC(_Histogram):
    """Area under the ROC curve, averaged over the labels."""

    trivial = 0.5
    """The value that a predictor reaches without seeing the input."""

    def compute(self) -> Tensor:
        """From 0 to 1, a scalar."""
        return area(*self.counts)


class LabelAveragePrecision(_Histogram):
    """Average precision, averaged over the labels (mAP).

    It is the sum over the thresholds of the precision times the increase in recall, without
    interpolation, as in scikit-learn's ``average_precision_score``.
    """

    def compute(self) -> Tensor:
        """From 0 to 1, a scalar."""
        return self.each()[self.both()].mean()

    def each(self) -> Tensor:
        """Average precision of each label, ``[labels]``, float32; NaN without a positive sample."""
        negative, positive = self.counts.flip(2).double()
        right = positive.cumsum(1)
        precision = right / (right + negative.cumsum(1)).clamp_min(1)
        return ((precision * positive).sum(1) / positive.sum(1)).float()


class LabelF1(LabelMetric):
    """F1 score at the probability 0.5, averaged over the labels (macro)."""

    def __init__(self, num_labels: int) -> None:
        super().__init__(num_labels, 2)

    def bins(self, preds: Tensor) -> Tensor:
        return (preds >= THRESHOLD).long()

    def compute(self) -> Tensor:
        """From 0 to 1, a scalar."""
        return self.each()[self.both()].mean()

    def each(self) -> Tensor:
        """F1 of each label, ``[labels]``, float32; NaN if it is neither true nor predicted."""
        (_, wrong), (missed, right) = self.counts.double().transpose(1, 2)
        return (2 * right / (2 * right + wrong + missed)).float()


class ExactMatch(Metric):
    """Share of samples whose known labels are all predicted correctly, at the probability 0.5.

    A sample without a known label is skipped; NaN if none remains.
    """

    higher_is_better = True
    is_differentiable = False
    full_state_update = False
    right: Tensor
    total: Tensor

    def __init__(self) -> None:
        super().__init__()
        for name in ("right", "total"):
            zero = torch.zeros((), dtype=torch.int64)
            self.add_state(name, default=zero, dist_reduce_fx="sum")

    @staticmethod
    def matches(preds: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Which samples are correct, and which have a known label; both ``[batch]``, bool."""
        is_known = known(target)
        is_right = ((preds >= THRESHOLD) == (target == 1)) | ~is_known
        has_label = is_known.any(1)
        return is_right.all(1) & has_label, has_label

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Update with probabilities and labels, see `LabelMetric.update`."""
        right, labelled = self.matches(preds, target)
        self.right += right.sum()
        self.total += labelled.sum()

    def compute(self) -> Tensor:
        """From 0 to 1, a scalar."""
        return self.right / self.total
