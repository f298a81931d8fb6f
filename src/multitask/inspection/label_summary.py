"""Summaries of tasks with several labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from multitask import missing_labels

MANY = 20
"""If there are more labels, they are sorted by frequency."""


@dataclass(frozen=True)
class LabelSummary:
    """The summary of targets with several labels per sample.

    Args:
        task: name of the task.
        known: number of samples with at least one known label, by split.
        samples: number of samples that were read, by split.
        labels: names of the labels, in order.
        counts: number of samples without and with each label, by split, shape ``[2, labels]``,
            int64.
        alone: number of samples known to have no label, by split.
    """

    task: str
    known: dict[str, int]
    samples: dict[str, int]
    labels: list[str]
    counts: dict[str, Tensor]
    alone: dict[str, int]

    def order(self) -> list[int]:
        """Indices of the labels in display order; if more than `MANY`, by decreasing frequency."""
        places = list(range(len(self.labels)))
        holds = torch.stack(list(self.counts.values())).sum(0)[1].tolist()
        return sorted(places, key=lambda at: -holds[at]) if len(places) > MANY else places

    def constant(self) -> list[str]:
        """The labels of no training sample, or of every one."""
        has_one_answer = (self.counts["train"] == 0).any(0).tolist()
        return [name for name, is_so in zip(self.labels, has_one_answer, strict=True) if is_so]


def summarise_labels(
    task: str, targets: Mapping[str, Tensor], names: Sequence[str] = ()
) -> LabelSummary:
    """Count the samples with each label.

    Args:
        task: name of the task.
        targets: targets by split, ``[samples, labels]``, int64: 0, 1, or -100 if missing.
        names: names of the labels; default: their indices.
    """
    size = next(iter(targets.values())).shape[1]
    counts = {
        split: torch.stack([(each == value).sum(0) for value in (0, 1)])
        for split, each in targets.items()
    }
    known = {split: missing_labels.known_samples(each) for split, each in targets.items()}
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
