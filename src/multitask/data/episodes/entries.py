"""What a batch of episodes holds besides inputs and targets.

A target under its task's name is known for the samples that ask, the queries, alone: whatever reads
a batch counts those. What the others, the support, show stands in an entry of its own.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from multitask.labels import known

EPISODE = "@episode"
"""Which episode a sample belongs to, ``[batch]``, int64; the samples of one lie together."""
SUPPORT = "@support"
"""Whether a sample belongs to its episode's support, ``[batch]``, bool."""
SHOWN = "@shown/"
"""Before a task's name: its targets for the support, missing for the queries."""


def split_episodes(batch: Mapping[str, Tensor]) -> list[dict[str, Tensor]]:
    """Take a batch apart.

    Args:
        batch: with the entries `EPISODE` and `SUPPORT`.

    Returns:
        The episodes in their order, each a batch of its own.
    """
    _, sizes = batch[EPISODE].unique_consecutive(return_counts=True)
    ends = sizes.cumsum(0).tolist()
    starts = [0, *ends[:-1]]
    return [
        {name: values[start:end] for name, values in batch.items()}
        for start, end in zip(starts, ends, strict=True)
    ]


def support_of(episode: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The samples that an episode shows, their targets under the tasks' names."""
    rows = episode[SUPPORT]
    return {name: values[rows] for name, values in _shown(episode).items()}


def queries_of(episode: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The samples that an episode asks about; of a whole batch, those of all its episodes."""
    rows = ~episode[SUPPORT]
    return {name: values[rows] for name, values in episode.items()}


def all_of(episode: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Every sample with its target; of a whole batch, those of all its episodes."""
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
