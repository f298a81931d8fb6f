"""Pooling the labels of an ensemble's members into one output."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from multitask.tasks.pooling import Pool

if TYPE_CHECKING:
    from multitask.tasks.multi_label import MultiLabel


class LabelPool(Pool):
    """Pools labels by the mean of the members' probabilities of each, like `ProbabilityPool`.

    Raw outputs are the logits of the mean. The disagreement of the members is their mutual
    information in nats, summed over the labels.
    """

    def __init__(self) -> None:
        self._count = 0
        self._logs: Tensor | None = None
        self._entropy: Tensor | None = None

    def add(self, member: MultiLabel, output: Tensor) -> None:
        # Logarithms for no and yes, since a tiny probability would be rounded to 0.
        logs = torch.stack([logsigmoid(output), logsigmoid(-output)])
        entropy = _entropy(logs)
        self._logs = logs if self._logs is None else torch.logaddexp(self._logs, logs)
        self._entropy = entropy if self._entropy is None else self._entropy + entropy
        self._count += 1

    def output(self) -> Tensor:
        assert self._logs is not None
        return self._logs[0] - self._logs[1]

    def disagreement(self) -> dict[str, Tensor]:
        assert self._logs is not None
        assert self._entropy is not None
        whole = _entropy(self._logs - math.log(self._count))
        # Rounding may make it negative.
        return {"mutual_information": (whole - self._entropy / self._count).clamp_min(0)}


def _entropy(logs: Tensor) -> Tensor:
    return torch.special.entr(logs.exp()).sum((0, 2))
