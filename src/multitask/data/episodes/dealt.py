"""Episodes sampled from another data set."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from multitask.data.dataset import BatchDataset
from multitask.data.episodes.dataset import EpisodeDataset
from multitask.data.fingerprints import Fingerprints
from multitask.data.targets import Targets, as_tasks_see

Deal = tuple[Tensor, dict[str, Tensor]]
"""Indices of an episode's samples in the source, ``[size]``, and the targets made for it."""
MOST_KEPT = 256


class DealtEpisodes(EpisodeDataset):
    """Episodes that a function samples from another data set.

    Args:
        source: data set that provides the inputs.
        deal: function that returns the episode with a given number; the support set comes first.
        others: targets of the source that are not changed, by task.
        sizes: number of samples in the support set and in the query set.
        episodes: number of episodes in an epoch.
        made: names of the tasks whose targets are generated for each episode.
    """

    def __init__(
        self,
        source: BatchDataset,
        deal: Callable[[int], Deal],
        others: Mapping[str, Targets],
        sizes: tuple[int, int],
        episodes: int,
        made: Sequence[str],
    ) -> None:
        self._source, self._deal, self._others = source, deal, dict(others)
        self._kept: dict[int, Deal] = {}
        super().__init__(*sizes, episodes, [*made, *self._others])

    def inputs(self, indices: Tensor) -> dict[str, Tensor]:
        return self._source.inputs(self._dealt(indices)[0])

    def all_targets(self, indices: Tensor) -> dict[str, Tensor]:
        rows, made = self._dealt(indices)
        others = {name: as_tasks_see(each[rows]) for name, each in self._others.items()}
        return {**made, **others}

    def input_fingerprints(self) -> dict[str, Fingerprints]:
        known = self._source.input_fingerprints()
        rows = self._dealt(torch.arange(len(self)))[0] if known else torch.empty(0)
        return {name: each.take(rows) for name, each in known.items()}

    def _dealt(self, indices: Tensor) -> Deal:
        """Return the indices of some samples in the source, and the targets made for them."""
        numbers, inverse = (indices // self.size).unique(return_inverse=True)
        deals = [self._episode(number) for number in numbers.tolist()]
        if not deals:
            deals = [self._episode(0)]
            inverse = indices
        places = inverse, indices % self.size
        rows = torch.stack([rows for rows, _ in deals])[places]
        names = deals[0][1]
        return rows, {
            name: torch.stack([made[name] for _, made in deals])[places] for name in names
        }

    def _episode(self, number: int) -> Deal:
        if number not in self._kept:
            if len(self._kept) >= MOST_KEPT:
                # The oldest one, which no later batch requests.
                del self._kept[next(iter(self._kept))]
            self._kept[number] = self._deal(number)
        return self._kept[number]
