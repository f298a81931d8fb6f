"""Batch normalisation while a model adapts to episodes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from multitask.distributed import sum_losses
from multitask.passes.inner_steps import PARTS

if TYPE_CHECKING:
    from multitask.module import MultiTask

STATISTICS = ("running_mean", "running_var")


class EpisodeStatistics:
    """The batch normalisation layers, and their statistics over episodes.

    Args:
        model: the model.
    """

    def __init__(self, model: MultiTask) -> None:
        self._layers = {
            f"{part}.{name}": layer
            for part in PARTS
            for name, layer in getattr(model, part).named_modules()
            if isinstance(layer, _BatchNorm) and layer.running_mean is not None
        }
        self._learning = {name: each for name, each in self._layers.items() if _learns(each)}
        self._sums: dict[str, Tensor] = {}

    @contextmanager
    def fixed(self) -> Iterator[None]:
        """Normalise by the running statistics, and keep them unchanged."""
        kept = [(each, each.training, each.momentum) for each in self._layers.values()]
        for layer, _, _ in kept:
            layer.training = False
        try:
            yield
        finally:
            for layer, is_training, momentum in kept:
                layer.training, layer.momentum = is_training, momentum

    @contextmanager
    def of_batch(self, own: bool) -> Iterator[None]:
        """Normalise by the batch's own statistics, which become the running ones.

        Layers that are frozen stay frozen.

        Args:
            own: whether to do so; if not, this is `fixed`.
        """
        with self.fixed():
            for layer in self._learning.values() if own else ():
                layer.training, layer.momentum = True, 1.0
            yield

    def add(self, buffers: Mapping[str, Tensor]) -> None:
        """Add the statistics of an episode.

        Args:
            buffers: buffers by name, after the episode's support.
        """
        for name in (f"{layer}.{each}" for layer in self._learning for each in STATISTICS):
            before = self._sums.get(name, 0)
            self._sums[name] = before + buffers[name].detach()

    @torch.no_grad()
    def move(self, episodes: Tensor) -> None:
        """Move the running statistics towards the mean of the added ones, over all processes.

        Args:
            episodes: total number of episodes of all processes, a scalar.
        """
        for name, layer in self._learning.items():
            assert layer.num_batches_tracked is not None
            layer.num_batches_tracked += 1
            count = float(layer.num_batches_tracked)
            rate = 1 / count if layer.momentum is None else layer.momentum
            for each in STATISTICS:
                mean = sum_losses(self._sums[f"{name}.{each}"]) / episodes
                getattr(layer, each).lerp_(mean, rate)


def _learns(layer: nn.Module) -> bool:
    each = [parameter.requires_grad for parameter in layer.parameters()]
    return any(each) or not each
