"""One of several classes that have an order."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid
from torchmetrics import MetricCollection
from torchmetrics.classification import MulticlassAccuracy

from multitask.tasks.base import HeadCallable
from multitask.tasks.calibration_error import CalibrationError
from multitask.tasks.class_weights import ClassWeights
from multitask.tasks.classification import Classification
from multitask.tasks.order import ClassDistance, QuadraticKappa
from multitask.tasks.sample_means import NegativeLogLikelihood


class Ordinal(Classification):
    """Predict one of ``num_classes`` ordered classes, such as low, medium and high.

    The head has ``num_classes - 1`` outputs: output ``k`` is the logit of being above class ``k``,
    given not being below it (CORN: Shi et al., 2021, 2111.08851, "Deep Neural Networks for
    Rank-Consistent Ordinal Regression Based On Conditional Probabilities", equations 3 and 4), so
    ``P(y > k)`` is a product that never increases with ``k``. The loss of a sample is the negative
    log-probability of its class, which is the sum of the binary cross entropies of the outputs that
    its class determines (equation 5). It is averaged over samples, so that it is comparable to that
    of `Classification`. Targets and predictions are those of `Classification`.

    Metrics are ``kappa`` (quadratically weighted) and ``mae`` (in classes), both of the median
    class, and ``accuracy``, ``nll`` and ``calibration_error`` of the most probable class.

    Args:
        num_classes: number of classes, at least 2.
        classes: names of the classes from the lowest to the highest; default: their numbers.
        class_weights: see `Classification`.
        head: see `Task`; called with one output feature fewer than there are classes.
        weight: see `Task`.
        headline: see `Task`.
        counts: see `Task`.
        effective_number: see `Classification`.
        teaches: see `Task`.
    """

    headline = "kappa"

    def __init__(
        self,
        num_classes: int,
        classes: Sequence[str] | None = None,
        class_weights: ClassWeights = None,
        head: HeadCallable = nn.Linear,
        weight: float = 1.0,
        headline: str | None = None,
        counts: bool = True,
        effective_number: float | None = None,
        teaches: float = 1.0,
    ) -> None:
        super().__init__(
            num_classes,
            classes,
            class_weights=class_weights,
            head=head,
            weight=weight,
            headline=headline,
            counts=counts,
            effective_number=effective_number,
            teaches=teaches,
        )

    @property
    def out_features(self) -> int:
        return self.num_classes - 1

    def logits(self, output: Tensor) -> Tensor:
        """The log-probabilities of the classes, ``[batch, num_classes]``."""
        above = logsigmoid(output).cumsum(1)
        not_below = torch.cat([torch.zeros_like(above[:, :1]), above], 1)
        # No sample is above the last class, so it has no output.
        stops = torch.cat([logsigmoid(-output), torch.zeros_like(above[:, :1])], 1)
        return not_below + stops

    def raw_outputs(self, logits: Tensor) -> Tensor:
        # The log-probability above each class, from the last class to the first.
        above = [logits[:, -1]]
        for each in logits[:, 1:-1].flip(1).unbind(1):
            above.append(torch.logaddexp(above[-1], each))
        return torch.stack(above[::-1], 1) - logits[:, :-1]

    def _losses(self, output: Tensor, label: Tensor, weights: Tensor) -> Tensor:
        logs = self.logits(output).gather(1, label.unsqueeze(1)).squeeze(1)
        return -weights[label] * logs

    def loss_group(self) -> None:
        return None

    def explained_output(self, output: Tensor) -> Tensor:
        return self.logits(output)

    def metrics(self) -> MetricCollection:
        classes = self.num_classes
        return MetricCollection(
            {
                "kappa": QuadraticKappa(),
                "accuracy": MulticlassAccuracy(classes, average="micro", validate_args=False),
                "mae": ClassDistance(),
                "nll": NegativeLogLikelihood(),
                "calibration_error": CalibrationError(),
            },
            compute_groups=False,
        )
