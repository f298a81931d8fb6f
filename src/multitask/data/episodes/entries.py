"""The entries of an episodic batch besides inputs and targets.

The target under a task's name is known only for the query samples, so any code that reads a batch
counts only these. The targets of the support samples are in separate entries.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from multitask.missing_labels import known

EPISODE = "@episode"
"""The episode of each sample, ``[batch]``, int64; samples of one episode are adjacent."""
SUPPORT = "@support"
"""Whether a sample belongs to the support set of its episode, ``[batch]``, bool."""
SHOWN = "@shown/"
"""Prefix of a task's name: the targets of the support samples, missing for queries."""


def split_episodes(batch: Mapping[str, Tensor]) -> list[dict[str, Tensor]]:
    """Split a batch into episodes.

    Args:
        batch: a batch with the entries `EPISODE` and `SUPPORT`.

    Returns:
        The episodes in order, each as a batch.
    """
    _, sizes = batch[EPISODE].unique_consecutive(return_counts=True)
    ends = sizes.cumsum(0).tolist()
    starts = [0, *ends[:-1]]
    return [
        {name: values[start:end] for name, values in batch.items()}
        for start, end in zip(starts, ends, strict=True)
    ]


def support_of(episode: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the support samples of an episode, with their targets under the tasks' names."""
    rows = episode[SUPPORT]
    return {name: values[rows] for name, values in _shown(episode).items()}


def queries_of(episode: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the query samples of an episode, or of all episodes of a whole batch."""
    rows = ~episode[SUPPORT]
    return {name: values[rows] for name, values in episode.items()}


def all_of(episode: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return all samples with targets, of an episode or of all episodes of a whole batch."""
    shown = _shown(episode)
    merged = {
        name: torch.where(known(shown[name]), shown[name], episode[name])
        for name in shown
        if SHOWN + name in episode
    }
    return {**episode, **merged}


def _shown(episode: Mapping[str, Tensor]) -> dict[str, Tensor]:
    targets = {
        name.removeprefix(SHOWN): values
        for name, values in episode.items()
        if name.startswith(SHOWN)
    }
    return {**episode, **targets}
