"""Running statistics of batch normalisation, computed only from a support set."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from multitask.few_shot.adapted import BATCH
from multitask.training.batch_statistics import batch_norms, renewed


@torch.no_grad()
def take_statistics(network: nn.Module, samples: int, run: Callable[[Tensor], Any]) -> None:
    """Set running statistics to those of a support set, for the current weights.

    Args:
        network: network with batch normalisation; afterwards it is in evaluation mode.
        samples: number of samples of the support set.
        run: passes the samples with the given indices, ``[batch]`` int64, through the network.
    """
    layers = list(batch_norms(network).values())
    network.eval()
    if layers:
        with renewed(layers):
            # Of equal sizes, since a batch of one sample has no statistics.
            for places in torch.arange(samples).tensor_split(-(-samples // BATCH)):
                run(places)
        network.eval()
