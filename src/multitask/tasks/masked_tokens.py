"""Prediction of the hidden tokens of a text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torchmetrics import MetricCollection
from torchmetrics.classification import MulticlassAccuracy

from multitask import missing_labels
from multitask.errors import InputError
from multitask.tasks.base import Cell, Column, HeadCallable
from multitask.tasks.sample_means import NegativeLogLikelihood
from multitask.tasks.token_labels import TokenLabels, is_token

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class MaskedTokens(TokenLabels):
    """Predict the hidden tokens; a task for texts without labels (Devlin et al., 2019).

    Targets have shape ``[batch, places]``, dtype int64: the number of the token at places to
    predict, -100 elsewhere, as returned by `multitask.data.computed.MaskedTokens`. The loss is the
    cross entropy, averaged over these places of the global batch.

    The classes are the token numbers modulo ``buckets``, so outputs of shape ``[batch, buckets,
    places]`` stay small: with a vocabulary of 32,768, the outputs for 64 texts of 64 tokens would
    take half a gigabyte. Tokens that share a bucket count as one.

    Metrics: ``accuracy``, and ``nll``, the cross entropy in nats. The task adds no columns to the
    table of predictions.

    Args:
        buckets: number of classes, at least 2; use the size of the vocabulary to keep tokens
            distinct.
        label_smoothing: see `Classification`.
        head: see `TokenLabels`.
        weight: see `Task`.
        headline: see `Task`.
        counts: see `Task`.
        teaches: see `Task`.
    """

    headline = "accuracy"

    def __init__(
        self,
        buckets: int = 1024,
        label_smoothing: float = 0.0,
        head: HeadCallable = nn.Linear,
        weight: float = 1.0,
        headline: str | None = None,
        counts: bool = True,
        teaches: float = 1.0,
    ) -> None:
        if buckets < 2:
            raise InputError(f"buckets is {buckets}; give at least 2")
        super().__init__(
            list(map(str, range(buckets))),
            label_smoothing,
            head=head,
            weight=weight,
            headline=headline,
            counts=counts,
            teaches=teaches,
        )

    @property
    def class_names(self) -> None:
        return None

    def check(self, name: str, targets: Tensor, split: str) -> None:
        super().check(name, self._bucket(targets), split)

    def learn_statistics(self, name: str, targets: Tensor) -> None:
        super().learn_statistics(name, self._bucket(targets))

    def fitted(self, target: Tensor, tokens: Tensor) -> Tensor:
        return self._bucket(super().fitted(target, tokens))

    def _bucket(self, target: Tensor) -> Tensor:
        # Missing and invalid targets stay unchanged.
        return torch.where(target >= 0, target % self.num_classes, target)

    def uncertainty(self, output: Tensor) -> dict[str, Tensor]:
        """None: nothing is hidden at prediction time."""
        return {}

    def metrics(self) -> MetricCollection:
        accuracy = MulticlassAccuracy(self.num_classes, average="micro", validate_args=False)
        return MetricCollection(
            {"accuracy": accuracy, "nll": NegativeLogLikelihood()}, compute_groups=False
        )

    def update_metrics(self, metrics: MetricCollection, output: Tensor, target: Tensor) -> None:
        target = self.fitted(target, is_token(output))
        known = missing_labels.known(target)
        if known.any():
            metrics.update(self.predict(output).movedim(1, 2)[known], target[known])

    def columns(self, name: str, prediction: Tensor) -> dict[str, Column]:
        return {}

    def column_names(self, name: str) -> list[str]:
        return []

    def side_by_side(self, prediction: Tensor, target: Tensor) -> dict[str, list[Cell]]:
        return {}

    def caption(self, value: Tensor) -> str:
        return ""

    def draw(self, axes: Axes, prediction: Tensor, target: Tensor) -> bool:
        return False
