"""Sine waves, each of which is a regression task."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from torch import Tensor

from multitask.augmentation.draws import uniforms
from multitask.data.dataset import BatchDataset
from multitask.data.episodes.base import EpisodeData
from multitask.data.episodes.dataset import EpisodeDataset
from multitask.data.faces import Face, Numbers
from multitask.data.split_check import SPLITS

AMPLITUDES, PHASES, INPUTS = (0.1, 5.0), (0.0, math.pi), (-5.0, 5.0)
"""Ranges from which they are drawn uniformly."""
INPUT, TASK = "image", "value"


class Sines(EpisodeData):
    """Samples sine waves to regress from a few points (Finn et al., 2017, 1703.03400, section 5.1).

    An episode is a wave ``amplitude * sin(x - phase)``, with amplitudes from 0.1 to 5, phases from
    0 to pi and ``x`` from -5 to 5. The input is ``x``, as an image of shape ``[1, 1, 1]``, and the
    task is ``value``, 1 number, with unit 1.

    Args:
        shots: number of support points of a wave.
        queries: number of query points of a wave.
        episodes: number of training episodes in an epoch.
        val_episodes: number of validation episodes.
        test_episodes: number of test episodes.
        episodes_per_batch: number of episodes in a global batch, over which the gradient is
            averaged.
        num_workers: see `DataModule`.
        seed: see `DataModule`; seed of the waves and points.
        without: see `DataModule`.

    Raises:
        InputError: if a number is invalid.
    """

    def __init__(
        self,
        shots: int = 10,
        queries: int = 10,
        episodes: int = 10_000,
        val_episodes: int = 100,
        test_episodes: int = 500,
        episodes_per_batch: int = 10,
        num_workers: int = 0,
        seed: int | None = None,
        without: Sequence[Any] = (),
    ) -> None:
        super().__init__(
            shots,
            queries,
            episodes,
            val_episodes,
            test_episodes,
            episodes_per_batch,
            num_workers=num_workers,
            seed=seed,
            without=without,
        )

    def load(self) -> dict[str, BatchDataset]:
        return {
            split: _Waves(self.shots, self.queries, count, self.seed * len(SPLITS) + place)
            for place, (split, count) in enumerate(self.episodes.items())
            if split not in self.without
        }

    def faces(self) -> dict[str, Face]:
        """A point is displayed as a number."""
        return {INPUT: Numbers()}


class _Waves(EpisodeDataset):
    """Sine waves and points on them, each drawn by its number.

    Args:
        support: number of support points.
        queries: number of query points.
        episodes: number of waves in an epoch.
        seed: seed of all waves.
    """

    def __init__(self, support: int, queries: int, episodes: int, seed: int) -> None:
        super().__init__(support, queries, episodes, [TASK])
        self._seed = seed

    def inputs(self, indices: Tensor) -> dict[str, Tensor]:
        return {INPUT: self._points(indices)[0].view(-1, 1, 1, 1)}

    def all_targets(self, indices: Tensor) -> dict[str, Tensor]:
        x, amplitude, phase = self._points(indices)
        return {TASK: amplitude * (x - phase).sin()}

    def _points(self, indices: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return ``x`` of each point, and amplitude and phase of its wave, all ``[batch]``."""
        amplitude, phase = uniforms(self._seed, indices // self.size, [1, 1])
        # The points need a seed that differs from that of the waves.
        (x,) = uniforms(~self._seed, indices, [1])
        ends = zip((x, amplitude, phase), (INPUTS, AMPLITUDES, PHASES), strict=True)
        x, amplitude, phase = (low + (high - low) * each[:, 0] for each, (low, high) in ends)
        return x, amplitude, phase
