"""The targets of a task of several labels in numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from multitask import labels

MANY = 20
"""With more labels, frequent ones come first."""


@dataclass(frozen=True)
class LabelSummary:
    """Targets that are several labels at once.

    Args:
        task: their name.
        known: number of samples with at least one known label, by split.
        samples: number of samples that were looked at, by split.
        labels: their names, in order.
        counts: by split, samples without and with each label, shape ``[2, labels]``, int64.
        alone: by split, samples of which no label holds, as far as they are known.
    """

    task: str
    known: dict[str, int]
    samples: dict[str, int]
    labels: list[str]
    counts: dict[str, Tensor]
    alone: dict[str, int]

    def order(self) -> list[int]:
        """The labels' places, in their order; of more than `MANY` the most frequent first."""
        places = list(range(len(self.labels)))
        holds = torch.stack(list(self.counts.values())).sum(0)[1].tolist()
        return sorted(places, key=lambda at: -holds[at]) if len(places) > MANY else places

    def constant(self) -> list[str]:
        """The labels that hold in no training sample, or in every one."""
        has_one_answer = (self.counts["train"] == 0).any(0).tolist()
        return [name for name, is_so in zip(self.labels, has_one_answer, strict=True) if is_so]


def summarise_labels(
    task: str, targets: Mapping[str, Tensor], names: Sequence[str] = ()
) -> LabelSummary:
    """Count the samples with each label.

    Args:
        task: the name.
        targets: by split, ``[samples, labels]``, int64: 0, 1, or -100 where missing.
        names: of the labels; default: their numbers.
    """
    size = next(iter(targets.values())).shape[1]
    counts = {
        split: torch.stack([(each == value).sum(0) for value in (0, 1)])
        for split, each in targets.items()
    }
    known = {split: labels.known_samples(each) for split, each in targets.items()}
    alone = {
        split: int((known[split] & ~(each == 1).any(1)).sum()) for split, each in targets.items()
    }
    return LabelSummary(
        task,
        {split: int(each.sum()) for split, each in known.items()},
        {split: len(each) for split, each in targets.items()},
        list(names) if len(names) == size else list(map(str, range(size))),
        counts,
        alone,
    )
